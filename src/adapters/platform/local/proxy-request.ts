import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';

const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** Whether sending it a second time, to another backend, is safe: nothing to resend, and idempotent (RFC 9110, 9.2.2). */
export function mayBeRepeated(req: IncomingMessage): boolean {
  return REPEATABLE.has(req.method ?? '') && !hasBody(req);
}

export function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** Makes a client's request ready to be sent on: `x-forwarded-*` set, the origin form of its target, no `expect`. */
export function cleanRequest(req: IncomingMessage): void {
  const { headers } = req;
  // Servers must accept the absolute form (RFC 9112, 3.2.2); instances get the usual one.
  const origin = /^https?:\/\/[^/?#]+/i.exec(req.url ?? '')?.[0];
  if (origin) req.url = req.url?.slice(origin.length) || '/';
  // The continue has been sent to the client already, by Node.js.
  delete headers.expect;
  const client = req.socket.remoteAddress ?? 'unknown';
  const before = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = before ? `${before}, ${client}` : client;
  headers['x-forwarded-host'] ??= headers.host ?? '';
  headers['x-forwarded-port'] ??= String(req.socket.localPort ?? '');
  headers['x-forwarded-proto'] ??= headers.upgrade?.toLowerCase() === 'websocket' ? 'ws' : 'http';
}

/**
 * The body of a request whose parser is gone, as Node.js takes it away when another protocol is offered: the next
 * `length` bytes of the connection.
 * @param head what was read of it already
 */
export function nextBytes(socket: Socket, head: Buffer, length: number): Readable {
  const body = new PassThrough();
  let missing = length;
  const take = (chunk: Buffer) => {
    const part = chunk.subarray(0, missing);
    missing -= part.length;
    if (missing === 0) {
      socket.off('data', take);
      body.end(part);
    } else if (!body.write(part)) {
      socket.pause();
      body.once('drain', () => socket.resume());
    }
  };
  socket.on('data', take);
  if (head.length > 0) take(head);
  return body;
}
