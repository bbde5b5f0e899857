import { type ChildProcess, spawn } from 'node:child_process';

export interface ProcessResult {
  /** 128 + N where a signal ended it, as shells say it. */
  exit: number;
  stdout: string;
  stderr: string;
  /** From the start of the process to its end. */
  wallMs: number;
}

export interface RunningProcess {
  child: ChildProcess;
  /** Output so far. */
  stdout(): string;
  stderr(): string;
  ended: Promise<ProcessResult>;
}

export interface ProcessOptions {
  cwd?: string;
  /** Beside this process's own; undefined takes a variable out. */
  env?: Record<string, string | undefined>;
  /** Standard input (default: none). */
  input?: string;
  /** It is killed (SIGKILL, exit 137) where it runs longer (default: no limit). */
  timeoutMs?: number;
}

/** Starts a program and keeps its output. `ended` rejects where it could not be started. */
export function startProcess(command: string, args: string[], options: ProcessOptions = {}): RunningProcess {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin?.end(options.input);
  const ended = new Promise<ProcessResult>((resolve, reject) => {
    let exitedAt = 0;
    child.once('error', reject);
    child.once('exit', () => {
      exitedAt = performance.now();
    });
    child.once('close', (code, signal) =>
      resolve({ exit: code ?? 128 + signalNumber(signal), stdout, stderr, wallMs: exitedAt - startedAt }),
    );
  });
  // Whoever only looks at the child must not be ended by a rejection that nobody awaits.
  ended.catch(() => {});
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** Runs a program to its end. @throws where it could not be started or its exit code is not 0 */
export async function runProcess(
  command: string,
  args: string[],
  options?: ProcessOptions,
): Promise<ProcessResult> {
  const result = await startProcess(command, args, options).ended;
  if (result.exit === 0) return result;
  throw new Error(
    `${command} ${args.join(' ')} ended with ${result.exit}:\n${result.stdout}${result.stderr}`,
  );
}

/**
 * Kills it as soon as it says so on stderr: what it did can't be asked of the cluster before it has gone on.
 * @throws where it ended by itself
 */
export async function killedOnceItSays(running: RunningProcess, what: RegExp): Promise<void> {
  const look = () => {
    if (what.test(running.stderr())) running.child.kill('SIGKILL');
  };
  running.child.stderr?.on('data', look);
  look();
  const { exit, stderr } = await running.ended;
  if (exit !== 137) throw new Error(`It ended with ${exit} before it was killed.\n${stderr}`);
}

function signalNumber(signal: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
  return (signal && numbers[signal]) ?? 0;
}
