import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { request, type Server } from 'node:http';

/**
 * Listens on a unix socket, mode 0600 (0700 folders are the first fence, this is the second). Only for the one process
 * that may own the path: a socket left there is taken away.
 */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  // The socket is made within listen(): nobody else may open it between that and the chmod.
  const umask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await once(server, 'listening');
  chmodSync(path, 0o600);
}

export interface SocketCall {
  /** The socket. */
  path: string;
  method: string;
  url: string;
  /** Sent as JSON; undefined for none. */
  body: unknown;
  signal: AbortSignal | undefined;
}

/**
 * One call over a unix socket, on a connection of its own.
 * @returns the status and the JSON of the answer.
 * @throws the signal's reason, or the cause where nothing answered or the answer broke off.
 */
export function callSocket({
  path,
  method,
  url,
  body,
  signal,
}: SocketCall): Promise<{ ok: boolean; answer: unknown }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(signal?.aborted ? signal.reason : cause);
    const sent = request({ socketPath: path, method, path: url, agent: false, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', fail);
      response.on('end', () => {
        try {
          const answer: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
          resolve({ ok: (response.statusCode ?? 500) < 300, answer });
        } catch (error) {
          fail(error);
        }
      });
    });
    sent.on('error', fail);
    if (body === undefined) sent.end();
    else sent.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
}
