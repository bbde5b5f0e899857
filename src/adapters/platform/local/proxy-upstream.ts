import { Agent } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A backend on the same machine accepts at once, or its queue is full. */
const CONNECT_MS = 5_000;

/**
 * Connects before any byte of a request is read, so that a request that nobody took can be sent to another backend
 * whatever its body.
 * @returns the connection, or why there is none
 */
export function connectTo(port: number): Promise<Socket | Error> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('connection timed out')), CONNECT_MS);
    socket.once('error', done);
    socket.once('connect', () => done(socket));

    function done(outcome: Socket | Error): void {
      clearTimeout(timer);
      socket.off('error', done);
      // Errors that nobody listens for would end the process; once the request is handed over, Node.js listens.
      socket.on('error', () => socket.destroy());
      resolve(outcome);
    }
  });
}

/** Sends one request over a connection that is open already, and never keeps it. */
export class ConnectedAgent extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ keepAlive: false });
    this.#socket = socket;
  }

  override createConnection(): Duplex {
    return this.#socket;
  }
}
