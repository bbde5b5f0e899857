import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** A database server of the tests' own, in a folder of its own, on 127.0.0.1. */
export interface DatabaseServer {
  host: '127.0.0.1';
  port: number;
  /** May do everything. */
  user: string;
  password: string;
  /** Folder of its programs, e.g. of `pg_dump`; '' where PATH has them. */
  bin: string;
  /** Holds `data`, the server's files, its socket and its log. */
  folder: string;
  /** URL with the password in it. */
  url(database: string): string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it on the same files and port after `kill`. */
  start(): Promise<void>;
  /** Ends it, and removes its folder. */
  stop(): Promise<void>;
}

export interface ServerKind {
  scheme: string;
  bin: string;
  program: string;
  /** The account that runs it where the tests run as root. */
  account: string;
  args(folder: string, port: number): string[];
  /** Makes the server's files. */
  initialise(folder: string, password: string, run: (program: string, args: string[]) => void): Promise<void>;
  /** Resolves when it answers; throws while it does not. */
  ping(server: DatabaseServer): Promise<void>;
}

const USER = 'admin';

/** @throws with the server's log where it does not come up */
export async function startServer(kind: ServerKind, port: number, password: string): Promise<DatabaseServer> {
  const folder = await mkdtemp(join(tmpdir(), 'rda-database-'));
  const owner = await ownerOf(kind.account);
  if (owner) await chown(folder, owner.uid, owner.gid);
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' };
  const options = { cwd: folder, env, ...owner };
  await kind.initialise(folder, password, (program, args) => {
    execFileSync(program, args, { ...options, stdio: 'pipe' });
  });
  let child: ChildProcess | undefined;
  const server: DatabaseServer = {
    host: '127.0.0.1',
    port,
    user: USER,
    password,
    bin: kind.bin,
    folder,
    url: (database) =>
      `${kind.scheme}://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    async kill() {
      const left = child?.pid === undefined ? [] : await childrenOf(child.pid);
      if (child) await ended(child, 'SIGKILL');
      child = undefined;
      // They notice it by themselves, and a PostgreSQL does not start while one of them still has its memory.
      for (const pid of left) while (await isThere(pid)) await wait(20);
    },
    async start() {
      child = spawn(join(kind.bin, kind.program), kind.args(folder, port), { ...options, stdio: 'ignore' });
      await answering(kind, server, child);
    },
    async stop() {
      if (child) await ended(child, kind.scheme === 'postgresql' ? 'SIGINT' : 'SIGTERM');
      child = undefined;
      await rm(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Whether all of these programs are installed. */
export function installed(...programs: string[]): boolean {
  try {
    for (const program of programs) execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The user and group that a program of that account runs as; undefined where the tests are no root. */
export async function ownerOf(account: string): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((l) => l.startsWith(`${account}:`));
  if (!line) throw new Error(`There is no user ${account} to run the server as.`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function answering(kind: ServerKind, server: DatabaseServer, child: ChildProcess): Promise<void> {
  for (let error: unknown; ; await wait(50)) {
    if (child.exitCode !== null || child.signalCode !== null) {
      const log = await readFile(join(server.folder, 'log'), 'utf8').catch(() => '');
      throw new Error(`${kind.program} ended with ${child.exitCode ?? child.signalCode}.\n${log}`, {
        cause: error,
      });
    }
    try {
      return await kind.ping(server);
    } catch (thrown) {
      error = thrown;
    }
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

/** One that has ended and waits for its parent to notice is not. */
async function isThere(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) Z /.test(stat);
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}
