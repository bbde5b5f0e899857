import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { mariadbFixture } from '../databases/mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import { postgresqlFixture } from '../databases/postgresql-fixture.ts';
import type { DatabaseServer } from '../databases/server.ts';
import { createRig, type Rig } from './rig.ts';
import { deployBad, deployGood, GOOD } from './row.ts';
import { watchArguments } from './watch-arguments.ts';

const SQL = `CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY);
  INSERT INTO schema_migrations VALUES ('20260101000000');
  CREATE TABLE orders (id INTEGER PRIMARY KEY, item VARCHAR(20)); INSERT INTO orders VALUES (1, 'tea')`;
const PASSWORD = `p:a"s s'#w%rd`;

const kinds = [
  {
    kind: 'postgresql',
    installed: HAS_POSTGRESQL,
    start: startPostgresql,
    fixture: postgresqlFixture,
    name: /backup-\d{8}-\d{6}\.dump/,
    tools: [/\/pg_dump /, /\/pg_restore /],
  },
  {
    kind: 'mysql',
    installed: HAS_MARIADB,
    start: startMariadb,
    fixture: mariadbFixture,
    name: /backup-\d{8}-\d{6}\.sql/,
    tools: [/\/mariadb-dump --defaults-file/, /\/mariadb --defaults-file/],
  },
];

describe.each(kinds)(
  'a rollback with $kind, by the built product',
  ({ kind, installed, start, fixture, name, tools }) => {
    describe.skipIf(!installed)('on a real server', () => {
      let server: DatabaseServer;
      let database: ServerFixture;
      let rig: Rig;
      const printed: string[] = [];

      beforeAll(async () => {
        server = await start();
        database = await fixture(server, SQL);
        await database.user('deployer', PASSWORD, []);
        const extra = `    database:
      kind: ${kind}
      host: ${server.host}
      port: ${server.port}
      user: deployer
      database: ${JSON.stringify(database.address.database)}
      password: { env: SHOP_DB_PASSWORD }
    backup:
      path: backups
`;
        rig = await createRig({ extra });
        await deployGood(rig);
        await deployBad(rig, 'good');
      });
      afterAll(async () => {
        await rig?.close();
        await database?.end();
        await server?.stop();
      });

      const run = async (args: string[], password = PASSWORD, env: Record<string, string> = {}) => {
        const ran = await rig.run(args, { env: { ...env, SHOP_DB_PASSWORD: password } });
        printed.push(ran.stdout, ran.stderr);
        return ran;
      };

      test('credentials that are missing or wrong leave production as it is', async () => {
        const back = ['--version', GOOD, '--reason', 'orders fail', '--accept', 'migrations'];
        const wrong = await run(back, `${PASSWORD}!`);
        expect(wrong.code, wrong.stderr).toBe(4);
        expect(wrong.stderr).toContain('refuses the login');
        const missing = await run(back, '');
        expect(missing.code, missing.stderr).toBe(4);
        expect(missing.stderr).toContain('The environment variable SHOP_DB_PASSWORD is not set.');
        const { instances } = await rig.status();
        expect(new Set(instances.map((one) => one.version))).toEqual(new Set(['v2.14.4']));
      });

      test('doctor reads the database', async () => {
        const { stdout } = await run(['doctor']);
        expect(stdout).toMatch(/Database (postgresql|mysql) .* is readable; it has 1 applied migration/);
      });

      test('it is backed up and proven before anything moves; the password is nowhere', async () => {
        // So that its tools are there to be seen for a moment.
        await database.fill(20_000);
        const temporary = join(rig.folder, 'temporary');
        await mkdir(temporary);
        const watched = watchArguments();
        const load = rig.load(50);
        await load.started;
        const ran = await run(['--version', GOOD, '--reason', 'orders fail', '--output', 'json'], PASSWORD, {
          TMPDIR: temporary,
        });
        expect((await load.stop()).failed).toBe(0);
        const commands = await watched.stop();
        expect(ran.code, ran.stderr + ran.stdout).toBe(0);
        for (const tool of tools)
          expect(
            commands.some((line) => tool.test(line)),
            `${tool}`,
          ).toBe(true);
        expect(await readdir(temporary)).toEqual([]);
        const backup = (await readdir(join(rig.folder, 'backups'))).find((file) => name.test(file)) as string;
        const shown = await run(['show', 'last']);
        expect(shown.stdout).toContain(`Database backup completed: ${backup.replace('.json', '')}`);
        expect(JSON.stringify(JSON.parse(ran.stdout).checks)).toContain('Verified by restore');
        expect(await database.places()).toEqual([]);
        const files = await filesIn(rig.folder);
        expect(files.length).toBeGreaterThan(10);
        const forms = [PASSWORD, encodeURIComponent(PASSWORD), JSON.stringify(PASSWORD).slice(1, -1)];
        const texts = await Promise.all(
          files.map(async (file) => [file, await readFile(file, 'latin1')] as const),
        );
        const others = [...printed, ...commands].map((text) => ['printed, or an argument', text] as const);
        for (const [file, text] of [...texts, ...others])
          for (const form of forms) expect(text.includes(form), file).toBe(false);
      });
    });
  },
);

async function filesIn(folder: string): Promise<string[]> {
  const all = (await readdir(folder, { recursive: true })).map((file) => join(folder, file));
  const kept: string[] = [];
  for (const file of all) if ((await stat(file).catch(() => undefined))?.isFile()) kept.push(file);
  return kept;
}
