import { createServer, type IncomingMessage, type Server } from 'node:http';
import { errorRecord, RollbackError } from '../../../model/error.ts';
import { listenPrivately } from './control-socket.ts';
import type { SupervisorRefusal } from './supervisor-api.ts';
import type { SupervisorCalls } from './supervisor-calls.ts';

/** Configuration files and migrations of a release come in one call, bytes. */
const BODY_LIMIT = 64_000_000;

/**
 * Answers calls on a unix socket, mode 0600. Only for the one supervisor of the folder: a socket left there is taken
 * away. A refusal is answered with 409, anything unexpected with 500.
 */
export async function supervisorServer(
  path: string,
  calls: SupervisorCalls,
  log: (line: string) => void,
): Promise<Server> {
  const server = createServer((req, res) => {
    const send = (status: number, value: unknown) => {
      if (res.destroyed) return;
      res.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      res.end(JSON.stringify(value ?? {}));
    };
    answer(req, calls).then(
      (value) => send(200, value),
      (error: unknown) => {
        const refusal = refusalOf(error);
        log(`${req.method} ${req.url}: ${refusal.code}, ${refusal.summary}`);
        send(error instanceof RollbackError ? 409 : 500, refusal);
      },
    );
  });
  // Starting an instance may take longer than any fixed time.
  server.requestTimeout = 0;
  await listenPrivately(server, path);
  return server;
}

async function answer(req: IncomingMessage, calls: SupervisorCalls): Promise<unknown> {
  const call = calls[`${req.method} ${req.url}`];
  if (!call) {
    throw new RollbackError({
      code: 'UNKNOWN_CALL',
      summary: `The supervisor does not know ${req.method} ${req.url}`,
      detail: 'It may be of another version than this command.',
      fix: 'rollback-deploy-auto local stop, then: rollback-deploy-auto local start',
    });
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new RollbackError({ code: 'BAD_REQUEST', summary: 'The call is too large' });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return call((text === '' ? {} : JSON.parse(text)) as never);
}

function refusalOf(error: unknown): SupervisorRefusal {
  const { code, summary, detail, fix } = errorRecord(error);
  return { code, summary, detail, fix, retriable: error instanceof RollbackError && error.retriable };
}
