import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Strategy } from '../../src/model/plan.ts';
import { STRATEGIES } from '../../src/model/plan.ts';
import type { Rig } from '../e2e/rig.ts';
import { createRig } from '../e2e/rig.ts';
import { seeded } from '../simulation/random.ts';
import type { KillCase, WriteKind } from './kill-case.ts';
import { BAD, GOOD, journalWrites, nameOf, runKillCase } from './kill-case.ts';

/** `npm run matrix` runs every case (CASE=REGEX: only those whose name matches); the tests run a seeded sample that covers each kind of write of each strategy. */
const WHOLE = process.env.MATRIX === 'all';
const SEED = Number(process.env.SEED ?? 1);

for (const strategy of STRATEGIES) {
  describe(`${strategy}: killed around a journal write, then resumed or aborted`, () => {
    let rig: Rig;
    let cases: KillCase[] = [];

    beforeAll(async () => {
      rig = await createRig({ extra: DATABASE });
      await createDatabase(join(rig.folder, 'shop.db'));
      await deployGood(rig);
      await deployBad(rig, strategy);
      const load = rig.load(100);
      await load.started;
      const writes = await journalWrites(rig, strategy);
      await load.stop();
      const only = new RegExp(process.env.CASE ?? '');
      cases = (WHOLE ? everyCase(strategy, writes) : sample(strategy, writes)).filter((kill) =>
        only.test(nameOf(kill)),
      );
    }, 120_000);

    afterAll(() => rig?.close());

    test('always one of two good ends, no request lost, the record true', {
      timeout: 7_200_000,
    }, async () => {
      const wrong: string[] = [];
      for (const kill of cases) {
        await deployBad(rig, strategy);
        const load = rig.load(100);
        await load.started;
        const found = await runKillCase(rig, kill).catch((error: Error) => [error.message]);
        const report = await load.stop();
        if (report.failed > 0) found.push(`${report.failed} requests failed: ${report.failures.join('; ')}`);
        wrong.push(...found.map((what) => `${nameOf(kill)}: ${what}`));
        if (WHOLE) console.log([found.length === 0 ? 'ok' : 'WRONG', nameOf(kill), ...found].join(' '));
      }
      expect(cases.length).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
    });
  });
}

const DATABASE = `    database:
      kind: sqlite
      path: shop.db
`;

/** Small, so that its backup is one step among the others. */
async function createDatabase(path: string): Promise<void> {
  const { default: Database } = await import('libsql');
  const database = new Database(path);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('CREATE TABLE schema_migrations (version TEXT PRIMARY KEY)');
  database.exec("INSERT INTO schema_migrations VALUES ('20260101000000')");
  database.exec(
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT); INSERT INTO orders VALUES (1, 'tea')",
  );
  database.close();
}

async function deployGood(rig: Rig): Promise<void> {
  const deployed = await rig.deploy(GOOD, 'good');
  if (deployed.code !== 0) throw new Error(deployed.stderr);
  const load = rig.load(200);
  await load.started;
  await rig.waitForEvidence(GOOD, 100);
  await load.stop();
}

/** Puts the bad release back, whatever the case before left. */
async function deployBad(rig: Rig, strategy: Strategy): Promise<void> {
  // An aborted reversal leaves the canary as it was.
  if (strategy === 'canary' && (await rig.status()).canary) return;
  const deployed = await rig.deploy(BAD, 'faulty', strategy === 'canary' ? ['--canary', '1'] : []);
  if (deployed.code !== 0) throw new Error(`${deployed.stdout}\n${deployed.stderr}`);
}

function everyCase(strategy: Strategy, writes: WriteKind[]): KillCase[] {
  const all: KillCase[] = [];
  for (const { n } of writes) {
    for (const when of ['before', 'after'] as const) {
      for (const goOnBy of ['resume', 'abort'] as const)
        all.push({ strategy, write: n, when, victim: 'client', goOnBy });
      all.push({ strategy, write: n, when, victim: 'supervisor', goOnBy: 'resume' });
    }
  }
  return all;
}

/** Kinds of writes that a strategy before has covered. */
const covered = new Set<string>();
/** Cases of each strategy beside those that no strategy before has covered. */
const MORE = 4;

/** One case for each new kind of write (type of entry, kind of step) and a few more, the rest drawn by the seed. */
function sample(strategy: Strategy, writes: WriteKind[]): KillCase[] {
  const random = seeded(SEED * 31 + STRATEGIES.indexOf(strategy));
  const byKind = new Map<string, WriteKind[]>();
  for (const write of writes) {
    const kind = `${write.type} ${write.step?.split(':')[0] ?? ''}`;
    byKind.set(kind, [...(byKind.get(kind) ?? []), write]);
  }
  const old = [...byKind.keys()].filter((kind) => covered.has(kind));
  const more = Array.from({ length: old.length > 0 ? MORE : 0 }, () => random.pick(old));
  const kinds = [...byKind.keys()].filter((kind) => !covered.has(kind)).concat(more);
  for (const kind of kinds) covered.add(kind);
  const drawn = kinds.map((kind) => byKind.get(kind) as WriteKind[]);
  return drawn.map((alike) => ({
    strategy,
    write: random.pick(alike).n,
    when: random.pick(['before', 'after'] as const),
    victim: random.chance(0.25) ? 'supervisor' : 'client',
    goOnBy: random.pick(['resume', 'abort'] as const),
  }));
}
