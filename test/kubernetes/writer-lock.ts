import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface WriterLock {
  /** Of this machine as pods see it when `host` is the address of their node. */
  port: number;
  /** Pods that write now. */
  writers(): string[];
  /** Each time a writer came while another was there, oldest first. */
  clashes(): { atMs: number; pods: string[] }[];
  close(): Promise<void>;
}

/** A writer tells of itself every 50 ms; the end of one whose network is gone arrives nowhere, ms. */
const SILENT_MS = 1_000;

/**
 * Knows which pods write at the moment: the application in `WRITER_LOCK` mode holds one request open as long as it
 * lives, and goes on writing to it. It forbids nothing, so that a second writer is seen instead of prevented.
 */
export async function writerLock(): Promise<WriterLock> {
  const writing = new Map<object, string>();
  const clashes: { atMs: number; pods: string[] }[] = [];
  const server = createServer((request, response) => {
    const pod = new URL(request.url ?? '/', 'http://lock').searchParams.get('pod') ?? 'unknown';
    let silent: NodeJS.Timeout | undefined;
    const stops = () => writing.delete(request);
    const writes = () => {
      clearTimeout(silent);
      silent = setTimeout(stops, SILENT_MS);
      if (writing.has(request)) return;
      writing.set(request, pod);
      const pods = [...new Set(writing.values())];
      if (pods.length > 1) clashes.push({ atMs: Date.now(), pods });
    };
    writes();
    request.on('data', writes);
    request.once('close', () => {
      clearTimeout(silent);
      stops();
    });
    request.once('end', () => response.end());
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    writers: () => [...writing.values()],
    clashes: () => [...clashes],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
