import { createServer } from 'node:net';

/** Below the ranges from which systems take the ports of outgoing connections, so that none of those is in the way. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A port that nothing listens on. @param taken ports that are spoken for */
export async function freePort(taken: ReadonlySet<number>): Promise<number> {
  const begin = Math.floor(Math.random() * COUNT);
  for (let i = 0; i < COUNT; i++) {
    const port = FIRST + ((begin + i) % COUNT);
    if (!taken.has(port) && (await canListen(port, undefined)) && (await canListen(port, '127.0.0.1')))
      return port;
  }
  throw new Error(`No port from ${FIRST} to ${FIRST + COUNT - 1} is free.`);
}

/** Whether this process could listen there now. @param host undefined for all addresses */
export function canListen(port: number, host: string | undefined): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
