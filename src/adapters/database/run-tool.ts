import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Tool {
  /** Absolute. */
  path: string;
  /** Never with a secret: every user of the machine can read them. */
  args: string[];
  /** Beside the environment of this process; undefined takes a variable out. */
  env: Record<string, string | undefined>;
}

export interface ToolStreams {
  signal: AbortSignal;
  /** Its standard input (default: none). */
  input?: Readable;
  /** Takes its standard output, a piece at a time (default: it is thrown away). */
  output?(chunk: Buffer): Promise<void>;
  /** Called for each line of its standard error. */
  line?(line: string): void;
}

/** It ended with another code than 0, or a signal. */
export class ToolFailed extends Error {
  /** What it said of it, without the name of the tool before each line. */
  readonly said: string;

  constructor(tool: string, how: string, said: string) {
    super(`${tool} ${how}${said ? `: ${said}` : ''}`);
    this.said = said;
  }
}

/** How long a tool has from SIGTERM to SIGKILL, ms. */
const END_MS = 3000;
/** Lines of standard error that are kept, each cut off at this length. */
const KEPT_LINES = 20;
const LINE_LENGTH = 400;

/**
 * Runs a tool to its end. Its streams go through this process, so that it ends with this process, killed or not.
 * @throws ToolFailed, what `output` throws, or the signal's reason
 */
export async function runTool({ path, args, env }: Tool, streams: ToolStreams): Promise<void> {
  const { signal, input, output, line } = streams;
  signal.throwIfAborted();
  const child = spawn(path, args, {
    // Its messages are read: not in the language of whoever runs this.
    env: { ...process.env, LC_ALL: 'C', ...env },
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  const ended = endOf(child);
  const stop = () => void end(child, ended);
  signal.addEventListener('abort', stop, { once: true });
  const lines: string[] = [];
  const work = [
    input && child.stdin ? pipeline(input, child.stdin).catch(ignoreClosedPipe) : undefined,
    readOutput(child, output).catch((error) => {
      stop();
      throw error;
    }),
    readLines(child, (text) => {
      lines.push(text.slice(0, LINE_LENGTH));
      if (lines.length > KEPT_LINES) lines.shift();
      line?.(text);
    }),
  ];
  try {
    const [, ...streamsDone] = await Promise.allSettled([ended, ...work]);
    signal.throwIfAborted();
    for (const done of streamsDone) if (done.status === 'rejected') throw done.reason;
    const { code, killedBy } = await ended;
    if (code === 0) return;
    throw new ToolFailed(
      basename(path),
      killedBy ? `was ended by ${killedBy}` : `exited ${code}`,
      told(lines),
    );
  } finally {
    signal.removeEventListener('abort', stop);
    input?.destroy();
  }
}

async function endOf(child: ChildProcess) {
  const [code, killedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, killedBy };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await ended.catch(() => undefined);
  clearTimeout(late);
}

async function readOutput(child: ChildProcess, output: ToolStreams['output']): Promise<void> {
  for await (const chunk of child.stdout as Readable) await output?.(chunk as Buffer);
}

async function readLines(child: ChildProcess, line: (text: string) => void): Promise<void> {
  let rest = '';
  for await (const chunk of (child.stderr as Readable).setEncoding('utf8')) {
    const parts = (rest + (chunk as string)).split('\n');
    rest = parts.pop() as string;
    for (const text of parts) line(text);
  }
  if (rest) line(rest);
}

/** A tool that ended before it had read everything says why by its exit code. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (!['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(error.code ?? '')) throw error;
}

/** The errors among the lines, or the last lines where none is called one. */
function told(lines: string[]): string {
  const errors = lines.filter((text) => /\b(error|fatal|panic|detail)\b/i.test(text));
  const chosen = errors.length > 0 ? errors : lines.slice(-3);
  return chosen
    .map((text) => text.replace(/^[\w.-]+: /, '').trim())
    .filter((text) => text !== '')
    .join('; ')
    .replace(/\.$/, '');
}
