import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Strategy } from '../../src/model/plan.ts';
import type { Ran, Rig } from '../e2e/rig.ts';

/** Kill the client, or the supervisor, around one write of the journal; then go on one way or the other. */
export interface KillCase {
  strategy: Strategy;
  write: number;
  when: 'before' | 'after';
  victim: 'client' | 'supervisor';
  goOnBy: 'resume' | 'abort';
}

export interface WriteKind {
  n: number;
  type: string;
  step?: string;
}

export const GOOD = 'v2.14.3';
export const BAD = 'v2.14.4';

export function nameOf({ strategy, write, when, victim, goOnBy }: KillCase): string {
  return `${strategy}: ${victim} killed ${when} write ${write}, then ${goOnBy}`;
}

function rollbackArguments(strategy: Strategy): string[] {
  return ['--version', GOOD, '--strategy', strategy, '--reason', 'kill matrix'];
}

/** Every journal write of an undisturbed run, in order, with what it says. */
export async function journalWrites(rig: Rig, strategy: Strategy): Promise<WriteKind[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rollback-writes-'));
  const file = join(folder, 'writes.jsonl');
  await appendFile(file, '');
  const ran = await rig.run(rollbackArguments(strategy), { env: { KILL_COUNT_FILE: file }, hook: true });
  if (ran.code !== 0) throw new Error(`The undisturbed run exited ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  await rm(folder, { recursive: true });
  await newRun(rig);
  return lines.map((line) => JSON.parse(line));
}

/** Runs the case; returns what is wrong with how it came out. */
export async function runKillCase(rig: Rig, kill: KillCase): Promise<string[]> {
  const wrong: string[] = [];
  const env = { KILL_AT: String(kill.write), KILL_WHEN: kill.when };
  let first: Ran;
  if (kill.victim === 'client') {
    first = await rig.run(rollbackArguments(kill.strategy), { env, hook: true });
    if (first.signal !== 'SIGKILL')
      wrong.push(`the client was not killed: exit ${first.code}\n${first.stderr}`);
  } else {
    const supervisor = await supervisorPid(rig);
    first = await rig.run(rollbackArguments(kill.strategy), {
      env: { ...env, KILL_PID: String(supervisor) },
      hook: true,
    });
  }
  const before = await rig.status();
  const ended = kill.victim === 'supervisor' && first.code === 0;
  // Killed before the run was created there is nothing to go on with: production is untouched.
  if (!ended && before.run) {
    const second = await rig.run([kill.goOnBy, '--yes']);
    if (second.code !== 0)
      wrong.push(`${kill.goOnBy} exited ${second.code}\n${second.stdout}\n${second.stderr}`);
  }
  const after = await rig.status();
  const on = await goodEnd(rig, kill);
  const expected = on === 'target' || kill.strategy === 'canary' ? GOOD : BAD;
  if (after.run) wrong.push(`run ${after.run.runId} is still unfinished`);
  if (after.current.version !== expected) wrong.push(`current is ${after.current.version}, ended on ${on}`);
  const serving = after.instances.filter((instance) => instance.inRotation);
  const shape = kill.strategy === 'canary' && on !== 'target' ? [3, 1] : [3];
  const wanted = shape.reduce((sum, n) => sum + n, 0);
  if (serving.length !== wanted || serving.some((instance) => instance.state !== 'ready')) {
    wrong.push(`ended on ${on}, and ${JSON.stringify(after.instances)}`);
  }
  if (shape.length === 1 && serving.some((instance) => instance.version !== expected)) {
    wrong.push(`ended on ${on}, and ${JSON.stringify(serving)} serve`);
  }
  return wrong;
}

/** Where the journal of the case's run says that it ended; `unchanged` where the case began none. */
async function goodEnd(rig: Rig, kill: KillCase): Promise<string> {
  const run = await newRun(rig);
  if (!run) return 'unchanged';
  const entries = await journalOf(rig, run.runId);
  const last = entries.at(-1);
  if (last?.type !== 'ended') throw new Error(`${nameOf(kill)}: the journal ends with ${last?.type}`);
  if (run.end !== last.end.on) throw new Error(`the record says ${run.end}, the journal ${last.end.on}`);
  return last.end.on;
}

/** The newest run, if it was not seen before. */
async function newRun(rig: Rig): Promise<{ runId: string; end?: string } | undefined> {
  const history: { runId: string; end?: string }[] = JSON.parse(
    (await rig.ok(['history', '--output', 'json'])).stdout,
  );
  const [newest] = history;
  if (!newest || newest.runId === lastRun.get(rig)) return undefined;
  lastRun.set(rig, newest.runId);
  return newest;
}

/** The journal as its files tell it, not as the command line does. */
async function journalOf(rig: Rig, runId: string): Promise<JournalEntry[]> {
  const folder = join(rig.folder, '.rollback', 'runs', runId);
  const files = (await readdir(folder)).filter((name) => /^\d+\.json$/.test(name)).sort();
  return Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')).entry));
}

const lastRun = new WeakMap<Rig, string>();

async function supervisorPid(rig: Rig): Promise<number> {
  const file = join(rig.folder, '.rollback', 'local', 'shop', 'supervisor.json');
  return JSON.parse(await readFile(file, 'utf8')).pid;
}
