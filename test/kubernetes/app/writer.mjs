import { setTimeout as wait } from 'node:timers/promises';

const PERIOD_MS = 50;

/**
 * Tells the lock every 50 ms that this pod writes, over one connection for all of its life: the lock takes the end of
 * that connection as the end of the writer, and any two at a time as a second writer.
 * @param {string} lock Address. @param {string} pod
 */
export async function keepWriting(lock, pod) {
  for (;;) {
    const body = new ReadableStream({
      async pull(controller) {
        await wait(PERIOD_MS);
        controller.enqueue(new TextEncoder().encode('.'));
      },
    });
    await fetch(new URL(`/write?pod=${pod}`, lock), { method: 'POST', body, duplex: 'half' }).catch((error) =>
      console.error(`the lock cannot be reached: ${error.cause?.message ?? error.message}`),
    );
    await wait(PERIOD_MS);
  }
}
