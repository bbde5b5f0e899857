/** One connection in a thread of its own; `thread-connection.ts` starts it and says what it is to run. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'libsql';
import type { ThreadAnswer, ThreadOrder } from './thread-connection.ts';

const db = new Database(workerData as string);

parentPort?.on('message', (order: ThreadOrder) => {
  let answer: Omit<ThreadAnswer, 'inTransaction'> = {};
  try {
    if ('query' in order) answer = { rows: db.prepare(order.query).all() };
    else if ('exec' in order) db.exec(order.exec);
    else db.close();
  } catch (error) {
    // What is sent is copied, and an Error loses its code by that.
    const { message, code } = error as Error & { code?: string };
    answer = { error: { message, code } };
  }
  parentPort?.postMessage({ ...answer, inTransaction: db.open && db.inTransaction } satisfies ThreadAnswer);
});
