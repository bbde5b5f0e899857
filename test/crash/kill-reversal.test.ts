import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SQL_ENGINES, type StartedEngine } from '../e2e/sql-engines.ts';
import { createSqlRig, type SqlRelease, type SqlRig } from '../e2e/sql-rig.ts';
import type { WriteKind } from './kill-case.ts';
import { BAD, GOOD } from './kill-case.ts';

/** `npm run matrix` runs every case on every engine (CASE=REGEX: only those whose name matches). */
const WHOLE = process.env.MATRIX === 'all';
const ONLY = new RegExp(process.env.CASE ?? '');

interface ReversalCase {
  write: number;
  when: 'before' | 'after';
  goOnBy: 'resume' | 'abort';
}

/** Two migrations, so that the run may stand between them. */
const NEWER = [
  {
    version: '20260310000000',
    up: 'ALTER TABLE orders DROP COLUMN legacy',
    down: `ALTER TABLE orders ADD COLUMN legacy text; UPDATE orders SET legacy = item`,
  },
  {
    version: '20260311000000',
    up: 'ALTER TABLE orders DROP COLUMN code',
    down: 'ALTER TABLE orders ADD COLUMN code text',
  },
] as const;

for (const kind of SQL_ENGINES) {
  describe.skipIf(!kind.installed)(`a reversal on ${kind.name}, killed around a journal write`, () => {
    let rig: SqlRig;
    let database: StartedEngine;
    let writes: WriteKind[];
    const first = {
      version: '20260101000000',
      up: `CREATE TABLE orders (${kind.key}, item text, legacy text, code text)`,
      down: 'DROP TABLE orders',
    };
    const good: SqlRelease = {
      version: GOOD,
      migrations: [first],
      statements: [
        `INSERT INTO orders (item, legacy, code) VALUES ('tea', 'x', 'y')`,
        'SELECT id, item, legacy, code FROM orders ORDER BY id DESC LIMIT 1',
      ],
    };
    const bad: SqlRelease = {
      version: BAD,
      migrations: [first, ...NEWER],
      statements: [
        `INSERT INTO orders (item) VALUES ('tea')`,
        'SELECT id, item FROM orders ORDER BY id DESC LIMIT 1',
      ],
    };
    const back = ['--version', GOOD, '--reverse-migrations', '--reason', 'kill matrix'];

    beforeAll(async () => {
      database = await kind.start();
      rig = await createSqlRig(database);
      await database.sql('CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)', rig.folder);
      await rig.release(good);
      const load = rig.load(200);
      await load.started;
      await rig.waitForEvidence(GOOD, 60);
      await rig.release(bad);
      const file = join(rig.folder, 'writes.jsonl');
      await appendFile(file, '');
      const ran = await rig.run(back, { env: { KILL_COUNT_FILE: file }, hook: true });
      await load.stop();
      if (ran.code !== 0)
        throw new Error(`The undisturbed run exited ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
      writes = (await readFile(file, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    }, 120_000);
    afterAll(async () => {
      await rig?.close();
      await database?.stop();
    });

    test('resumed or aborted: history and schema agree, both releases work, the record is true', {
      timeout: 7_200_000,
    }, async () => {
      const wrong: string[] = [];
      const cases = (WHOLE ? everyCase(writes) : sample(writes, kind.name)).filter((one) =>
        ONLY.test(nameOf(one)),
      );
      for (const one of cases) {
        await rig.release(bad);
        const load = rig.load(100);
        await load.started;
        const found = await runCase(one).catch((error: Error) => [error.message]);
        const report = await load.stop();
        if (report.failed > 0) found.push(`${report.failed} requests failed: ${report.failures.join('; ')}`);
        wrong.push(...found.map((what) => `${nameOf(one)}: ${what}`));
        if (WHOLE)
          console.log([found.length === 0 ? 'ok' : 'WRONG', kind.name, nameOf(one), ...found].join(' '));
      }
      expect(cases.length).toBeGreaterThan(0);
      expect(wrong).toEqual([]);
    });

    async function runCase({ write, when, goOnBy }: ReversalCase): Promise<string[]> {
      const wrong: string[] = [];
      const env = { KILL_AT: String(write), KILL_WHEN: when };
      const killed = await rig.run(back, { env, hook: true });
      if (killed.signal !== 'SIGKILL') wrong.push(`it was not killed: exit ${killed.code}\n${killed.stderr}`);
      wrong.push(...(await disagreements()));
      const begun = (await rig.status()).run !== undefined;
      let exit = 0;
      if (begun) {
        const second = await rig.run([goOnBy, '--yes']);
        exit = second.code ?? -1;
        if (exit !== 0) wrong.push(`${goOnBy} exited ${exit}\n${second.stdout}\n${second.stderr}`);
      }
      wrong.push(...(await disagreements()));
      const taken = NEWER.map(({ version }) => version).filter((version) => !state.applied.includes(version));
      const { current, run } = await rig.status();
      if (run) wrong.push(`run ${run.runId} is still unfinished`);
      if (current.version === GOOD && taken.length < NEWER.length)
        wrong.push(`on ${GOOD}, and ${state.applied} are applied`);
      if (begun) wrong.push(...(await untrue(taken, current.version)));
      return wrong;
    }

    const state = { applied: [] as string[], columns: [] as string[] };

    /** The tool's history against the schema that is there. */
    async function disagreements(): Promise<string[]> {
      const rows = await database.sql('SELECT version FROM schema_migrations ORDER BY version', rig.folder);
      state.applied = rows.map(({ version }) => String(version));
      state.columns = (await database.sql(kind.columns, rig.folder)).map(({ name }) => String(name));
      const has = (version: string) => state.applied.includes(version);
      const column = (name: string) => state.columns.includes(name);
      return [
        ...(has(NEWER[0].version) === column('legacy')
          ? [`legacy: ${state.columns}, applied ${state.applied}`]
          : []),
        ...(has(NEWER[1].version) === column('code')
          ? [`code: ${state.columns}, applied ${state.applied}`]
          : []),
        ...(has(NEWER[1].version) && !has(NEWER[0].version)
          ? ['the older one is gone, and the newer one is not']
          : []),
      ];
    }

    /** What the record says of the database, where it is not so. */
    async function untrue(taken: readonly string[], current: string): Promise<string[]> {
      const record = JSON.parse((await rig.ok(['show', 'last', '--output', 'json'])).stdout);
      const told = record.reversal.takenBack.map(({ version }: { version: string }) => version);
      const wrong = [];
      if (String(told.sort()) !== String([...taken].sort()))
        wrong.push(`taken back ${taken}, the record has ${told}`);
      if (taken.length > 0 && current === BAD && !record.production.includes('Taken back in the database'))
        wrong.push(`the record does not tell it: ${record.production}`);
      const journal = join(rig.folder, '.rollback', 'runs', record.runId);
      if ((await readdir(journal)).length === 0) wrong.push('no journal');
      return wrong;
    }
  });
}

function nameOf({ write, when, goOnBy }: ReversalCase): string {
  return `reversal: client killed ${when} write ${write}, then ${goOnBy}`;
}

function everyCase(writes: WriteKind[]): ReversalCase[] {
  return writes.flatMap(({ n }) =>
    (['before', 'after'] as const).flatMap((when) =>
      (['resume', 'abort'] as const).map((goOnBy) => ({ write: n, when, goOnBy })),
    ),
  );
}

/** Where a reversal itself may stand: before its `done`, between both downs, and after its `started`. */
function sample(writes: WriteKind[], engine: string): ReversalCase[] {
  const at = (type: string, step: string) =>
    writes.find((write) => write.type === type && write.step === step)?.n ?? -1;
  const newest = `reverse-migration:${NEWER[1].version}`;
  const own: ReversalCase[] = [
    { write: at('done', newest), when: 'before', goOnBy: 'abort' },
    { write: at('started', newest), when: 'after', goOnBy: 'abort' },
  ];
  // On a server only where it is open what took effect; between two statements: test/databases/take-back-mariadb.test.ts.
  if (engine !== 'sqlite') return own;
  return [
    ...own,
    { write: at('done', newest), when: 'before', goOnBy: 'resume' },
    { write: at('done', newest), when: 'after', goOnBy: 'abort' },
    { write: at('started', newest), when: 'after', goOnBy: 'resume' },
    { write: at('started', 'try-reversal'), when: 'after', goOnBy: 'abort' },
  ];
}
