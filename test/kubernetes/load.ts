import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type LoadMode = 'connections' | 'keep-alive' | 'websocket';

export interface LoadOptions {
  /** Where requests go; `?ms=2000` makes the test application work so long. Of a WebSocket only host and port count. */
  url: string;
  /** A second (default: 300): requests, or messages of all WebSockets together. */
  rate?: number;
  /**
   * `connections` (default): each request on a new connection. `keep-alive`: on a fixed number of connections that
   * stay open; nothing is sent again, so a connection cut between two requests is a failed one. `websocket`: on a
   * fixed number of WebSockets, opened again when they end.
   */
  mode?: LoadMode;
  /** Connections of the last two modes (default: 30). */
  connections?: number;
  /** How long a request may take before it counts as failed (default: 10 000). */
  timeoutMs?: number;
  /** Host header (default: the URL's). */
  host?: string;
}

/** Times are in ms since 1970. */
export interface LoadResult {
  startedAtMs: number;
  /** 0 while it runs. */
  endedAtMs: number;
  sent: number;
  ok: number;
  /** No answer, one cut off, or a status other than 200; also a WebSocket that could not be opened. */
  failed: number;
  /** How often each reason of a failure was seen. */
  reasons: Record<string, number>;
  /** The first 1,000. */
  failures: { sentAtMs: number; atMs: number; reason: string; pod?: string }[];
  statuses: Record<string, number>;
  /** By the version that answered. */
  versions: Record<string, { count: number; firstSentAtMs: number; lastSentAtMs: number }>;
  slowestMs: number;
  /** WebSockets ended by a close frame that said "going away" (1001). */
  told: number;
  /** WebSockets that ended without a word (1006). */
  cut: number;
}

export interface Load {
  soFar(): Promise<LoadResult>;
  /** Sends no more, waits for what is under way. A second call gives the same. */
  stop(): Promise<LoadResult>;
}

/** Starts the load and returns once it runs. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const filled = { rate: 300, mode: 'connections', connections: 30, timeoutMs: 10_000, ...options };
  const script = fileURLToPath(new URL('load-process.mjs', import.meta.url));
  const child = fork(script, [JSON.stringify(filled)], { execArgv: [] });
  await messageOf(child);
  let stopped: Promise<LoadResult> | undefined;
  let asked: Promise<unknown> = Promise.resolve();
  const ask = (what: 'soFar' | 'stop') => {
    // One question at a time: answers carry no name.
    const answer = asked.then(() => {
      child.send(what);
      return messageOf(child);
    });
    asked = answer.catch(() => {});
    return answer as Promise<LoadResult>;
  };
  return {
    soFar: () => stopped ?? ask('soFar'),
    stop() {
      stopped ??= ask('stop');
      return stopped;
    },
  };
}

function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`The load ended by itself with ${code}.`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}
