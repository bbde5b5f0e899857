import { Worker } from 'node:worker_threads';
import { programPath } from '../../program-path.ts';

export type ThreadOrder = { exec: string } | { query: string } | { close: true };

export interface ThreadAnswer {
  rows?: unknown[];
  error?: { message: string; code: string | undefined };
  inTransaction: boolean;
}

/**
 * A connection in a thread of its own, so that a statement that takes minutes does not keep the lease from being renewed.
 * One statement at a time. Errors have SQLite's `code`.
 */
export interface ThreadConnection {
  exec(sql: string): Promise<void>;
  all<Row>(sql: string): Promise<Row[]>;
  /** After the last statement. */
  readonly inTransaction: boolean;
  /** Ends it; what was not committed is rolled back. */
  close(): Promise<void>;
}

/** Opens the database for writing, and makes it where it is missing; that it can't be opened is said by the first statement. */
export function openInThread(path: string): ThreadConnection {
  // Hooks of this process are not for it.
  const worker = new Worker(programPath('sqlite-thread'), { workerData: path, execArgv: [] });
  let inTransaction = false;
  let ended: Error | undefined;
  let waiting: { resolve(rows: unknown[]): void; reject(error: Error): void } | undefined;
  worker.on('message', (answer: ThreadAnswer) => {
    inTransaction = answer.inTransaction;
    if (answer.error)
      waiting?.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
    else waiting?.resolve(answer.rows ?? []);
  });
  worker.on('error', (error: Error) => {
    ended = error;
    waiting?.reject(error);
  });
  worker.on('exit', (code) => {
    ended ??= new Error(`The thread of the database ended with ${code}`);
    waiting?.reject(ended);
  });
  const ask = (order: ThreadOrder) =>
    new Promise<unknown[]>((resolve, reject) => {
      if (ended) return reject(ended);
      waiting = { resolve, reject };
      worker.postMessage(order);
    });
  return {
    async exec(sql) {
      await ask({ exec: sql });
    },
    all: <Row>(sql: string) => ask({ query: sql }) as Promise<Row[]>,
    get inTransaction() {
      return inTransaction;
    },
    async close() {
      if (!ended) await ask({ close: true });
      await worker.terminate();
    },
  };
}
