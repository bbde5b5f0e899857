import { expect } from 'vitest';
import type { Ran, Rig } from './rig.ts';

export const GOOD = 'v2.14.3';
export const BAD = 'v2.14.4';

/** One bad input and everything that must follow from it. */
export interface Row {
  what: string;
  args: string[] | ((rig: Rig) => Promise<string[]>);
  exit: number;
  /**
   * The whole error as printed, line by line, with `{folder}` and the like for what differs from run to run, and
   * `{production}` for a line that says what serves; undefined for none.
   */
  error: string[] | undefined;
  /** Further lines of stdout or stderr. */
  says?: string[];
  /** Instances that serve afterwards, by version; `enough` where it depends on the moment and is 3 at least. */
  serving: Record<string, number> | 'enough';
  /** Whether a run is left to go on with. Default false. */
  unfinished?: boolean;
  /** Default true. */
  load?: boolean;
  /** Makes it so, before the load and the command; returns what puts it back once the command has ended. */
  arrange?(rig: Rig): Promise<(() => unknown) | undefined>;
  /** Called with what the command has printed so far, whenever it printed more. */
  onOutput?(printed: string, pid: number, rig: Rig): void;
  /** Looks further, with the load still on. */
  after?(rig: Rig, ran: Ran): Promise<unknown>;
}

/** Runs the row's command under load, and holds all that the row says against what came of it. */
export async function runRow(rig: Rig, row: Row): Promise<void> {
  const undo = await row.arrange?.(rig);
  const load = row.load === false ? undefined : rig.load(50);
  const ran = await runArranged(rig, row, load).finally(undo);
  const printed = `${ran.stdout}${ran.stderr}`;
  try {
    const after = await rig.status();
    expect(likeRow(errorText(ran.stderr, rig), row), printed).toEqual(row.error);
    for (const line of row.says ?? []) expect(plainText(printed, rig)).toContain(line);
    expect(ran.code, printed).toBe(row.exit);
    const serving = servingOf(after);
    if (row.serving !== 'enough') expect(serving).toEqual(row.serving);
    else expect(Object.values(serving).reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(3);
    expect(after.run !== undefined, 'an unfinished run').toBe(row.unfinished ?? false);
    await row.after?.(rig, ran);
  } finally {
    const report = await load?.stop();
    expect(report?.failed ?? 0, report?.failures.join('\n')).toBe(0);
  }
}

async function runArranged(rig: Rig, row: Row, load: ReturnType<Rig['load']> | undefined): Promise<Ran> {
  await load?.started;
  const args = typeof row.args === 'function' ? await row.args(rig) : row.args;
  return rig.run(args, { onOutput: (printed, pid) => row.onOutput?.(printed, pid, rig) });
}

function likeRow(error: string[] | undefined, row: Row): string[] | undefined {
  if (!row.error?.includes('{production}')) return error;
  return error?.map((line) => line.replace(/^\d instances? of .* serves?\.$/, '{production}'));
}

export function servingOf(status: Awaited<ReturnType<Rig['status']>>): Record<string, number> {
  return Object.fromEntries(status.traffic.serving.map(({ version, instances }) => [version, instances]));
}

/** The error as printed, to its last line; undefined where none was. */
export function errorText(stderr: string, rig: Rig): string[] | undefined {
  const at = stderr.search(/^Error: /m);
  return at === -1 ? undefined : plainText(stderr.slice(at), rig).trimEnd().split('\n');
}

/** Without what differs from run to run: folders, ids, times and measurements. */
export function plainText(text: string, rig: Rig): string {
  return text
    .replaceAll(rig.folder, '{folder}')
    .replaceAll(String(rig.port), '{port}')
    .replace(/\br-\d{8}-\d{6}-[0-9a-f]{4,}\b/g, '{run}')
    .replace(/sha256:[0-9a-f]{64}/g, '{digest}')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '{time}')
    .replace(/\S+@\S+ \(process \d+\)/g, '{client}')
    .replace(/backup-\d{8}-\d{6}(-\d+)?\.sql/g, '{backup}')
    .replace(/\b\d{6}\.json\b/g, '{number}.json')
    .replace(/\b\d{6}\.[\w.-]+\.tmp\b/g, '{number}.tmp')
    .replace(/[\d.]+% of its last \d+ requests/g, '{share} of its last requests')
    .replace(/(Error rate: )[\d.]+%/g, '$1{share}')
    .replace(/(Estimated|Allow more: --timeout|it may take) [\d.]+( s)?/g, '$1 {seconds}');
}

/** Fails with all that was printed where the command does not exit 0. */
export async function ok(running: Promise<Ran>): Promise<Ran> {
  const ran = await running;
  if (ran.code !== 0) throw new Error(`exit ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
  return ran;
}

/** Deploys the bad version, and waits until there is evidence of how it does where that is asked for. */
export async function deployBad(rig: Rig, behaviour: 'good' | 'faulty'): Promise<void> {
  await rig.control({});
  await ok(rig.deploy(BAD, behaviour));
  if (behaviour === 'good') return;
  const load = rig.load(200);
  await load.started;
  await rig.waitForEvidence(BAD, 60);
  await load.stop();
}

/** Deploys the good version, and waits until there is evidence that it is. */
export async function deployGood(rig: Rig): Promise<void> {
  await ok(rig.deploy(GOOD, 'good'));
  const load = rig.load(200);
  await load.started;
  await rig.waitForEvidence(GOOD, 60);
  await load.stop();
}
