import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Where a client of MySQL's is cut off, as if it was killed there. */
export interface Cut {
  /** Counts statements, from 0. */
  at: number;
  /** Which statements count. Default: those that change something. */
  of?: RegExp;
  /** `before`: the server never sees the statement. `after`: it runs it, and its answer is never seen. */
  when: 'before' | 'after';
}

export interface CuttingProxy {
  port: number;
  /** Statements that count, so far. */
  statements: string[];
  /** Whether it has cut. */
  over(): boolean;
  close(): Promise<void>;
}

const CHANGES = /^(?:alter|create|drop|insert|update|delete|replace|start transaction|commit)\b/i;
const COM_QUERY = 3;

/** Passes on what a client and a server say to each other without TLS, until the cut; from there nobody gets through. */
export async function cuttingProxy(serverPort: number, cut?: Cut): Promise<CuttingProxy> {
  const statements: string[] = [];
  const sockets = new Set<Socket>();
  let over = false;
  const end = () => {
    over = true;
    for (const socket of sockets) socket.destroy();
  };
  const listener = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    if (over) return client.destroy();
    let answers = true;
    client.on('data', (data) => {
      const text = data[4] === COM_QUERY ? data.toString('utf8', 5) : '';
      const counts = (cut?.of ?? CHANGES).test(text);
      if (counts) statements.push(text);
      const here = counts && cut?.at === statements.length - 1;
      if (here && cut.when === 'before') return end();
      if (here) answers = false;
      server.write(data);
    });
    server.on('data', (data) => (answers ? client.write(data) : end()));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    statements,
    over: () => over,
    async close() {
      end();
      listener.close();
      await once(listener, 'close');
    },
  };
}
