import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { mariadbFixture } from '../databases/mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import { postgresqlFixture } from '../databases/postgresql-fixture.ts';
import type { DatabaseServer } from '../databases/server.ts';
import { type CredentialSource, type CredentialSources, credentialSources } from './credential-sources.ts';
import { createRig, type Rig } from './rig.ts';
import { BAD, deployBad, deployGood, GOOD } from './row.ts';
import { placesOf, textsIn } from './secret-search.ts';
import { watchArguments } from './watch-arguments.ts';

const SQL = `CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY);
  INSERT INTO schema_migrations VALUES ('20260101000000');
  CREATE TABLE orders (id INTEGER PRIMARY KEY, item VARCHAR(20)); INSERT INTO orders VALUES (1, 'tea')`;
const PASSWORD = `p:a"s s'#w%r\\d$1@/é`;
const RECORDER = pathToFileURL('test/e2e/record-arguments.mjs').href;

if (process.env.KUBECONFIG === undefined)
  console.warn('SKIPPED: credentials from a Secret, in a whole run. Set KUBECONFIG to run it.');

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
      let home: string;
      let credentials: CredentialSources;
      const printed: string[] = [];

      beforeAll(async () => {
        server = await start();
        database = await fixture(server, SQL);
        await database.user('deployer', PASSWORD, []);
        // So that its tools are there to be seen for a moment.
        await database.fill(20_000);
        home = await mkdtemp(join(tmpdir(), 'rda-home-'));
        credentials = await credentialSources(kind, home);
        rig = await createRig({ extra: '#\n' });
        await deployGood(rig);
        await deployBad(rig, 'good');
      });
      afterAll(async () => {
        await rig?.close();
        await credentials?.dispose();
        await database?.end();
        await server?.stop();
        await rm(home, { recursive: true, force: true });
      });

      /** Has the configuration and the source give that password. */
      const use = async (source: CredentialSource, password = PASSWORD) => {
        const name = database.address.database ?? '';
        const at = `deployer:${encodeURIComponent(password)}@${server.host}:${server.port}`;
        await source.put(source.gives === 'url' ? `${kind}://${at}/${name}` : password);
        const parts = [
          `host: ${server.host}`,
          `port: ${server.port}`,
          'user: deployer',
          `database: ${JSON.stringify(name)}`,
          ...(source.configured === undefined ? [] : [`password: ${source.configured}`]),
        ];
        const address = source.gives === 'url' ? [`url: ${source.configured}`] : parts;
        const lines = [`kind: ${kind}`, ...address].map((line) => `      ${line}\n`).join('');
        const section = `    database:\n${lines}    backup:\n      path: backups\n`;
        await rig.configure((text) => text.replace(/#\n[\s\S]*$/, () => `#\n${section}`));
      };
      const run = async (args: string[], env: Record<string, string>) => {
        const ran = await rig.run(args, { env });
        printed.push(ran.stdout, ran.stderr);
        return ran;
      };
      const back = ['--version', GOOD, '--reason', 'orders fail', '--accept', 'migrations'];

      test('credentials that are missing or wrong leave production as it is, and are not printed', async () => {
        for (const source of credentials.sources) {
          await use(source, `${PASSWORD}!`);
          const wrong = await run(back, source.env);
          expect(wrong.code, wrong.stderr).toBe(4);
          expect(wrong.stderr, source.name).toContain('refuses the login');
        }
        const [environment] = credentials.sources as [CredentialSource];
        await use(environment, '');
        const missing = await run(back, environment.env);
        expect(missing.code, missing.stderr).toBe(4);
        expect(missing.stderr).toContain('The environment variable SHOP_DB_PASSWORD is not set.');
        const { instances } = await rig.status();
        expect(new Set(instances.map((one) => one.version))).toEqual(new Set([BAD]));
        expect(
          placesOf(
            PASSWORD,
            printed.map((text) => ['printed', text]),
          ),
        ).toEqual([]);
      });

      test('doctor reads the database', async () => {
        const [environment] = credentials.sources as [CredentialSource];
        await use(environment);
        const { stdout } = await run(['doctor'], environment.env);
        expect(stdout).toMatch(/Database (postgresql|mysql) .* is readable; it has 1 applied migration/);
      });

      test('it is backed up and proven before anything moves; the password is nowhere, wherever it is from', async () => {
        const started = join(home, 'arguments');
        const temporary = join(home, 'temporary');
        await mkdir(temporary);
        const watched = watchArguments();
        const load = rig.load(50);
        await load.started;
        for (const [i, source] of credentials.sources.entries()) {
          await use(source);
          const to = i % 2 === 0 ? GOOD : BAD;
          const args = [
            '--version',
            to,
            '--strategy',
            'instant',
            '--reason',
            'orders fail',
            '--output',
            'json',
          ];
          const env = { ...source.env, TMPDIR: temporary, ARGUMENTS_FILE: started };
          const ran = await run(args, { ...env, NODE_OPTIONS: `--import ${RECORDER}` });
          expect(ran.code, `${source.name}\n${ran.stderr}${ran.stdout}`).toBe(0);
          expect(JSON.stringify(JSON.parse(ran.stdout).checks)).toContain('Verified by restore');
          const files = (await readdir(join(rig.folder, 'backups'))).filter((file) => name.test(file)).sort();
          const shown = await run(['show', 'last'], env);
          expect(shown.stdout).toContain(`Database backup completed: ${files.at(-1)?.replace('.json', '')}`);
          expect((await run(['show', 'last', '--output', 'json'], env)).code).toBe(0);
        }
        expect((await load.stop()).failed).toBe(0);
        const commands = await watched.stop();
        const recorded = await readFile(started, 'utf8');
        for (const tool of tools) {
          expect(
            commands.some((line) => tool.test(line)),
            `${tool}`,
          ).toBe(true);
          expect(recorded).toMatch(new RegExp(tool.source.split(' ')[0] as string));
        }
        expect(await readdir(temporary)).toEqual([]);
        expect(await database.places()).toEqual([]);
        const state = await textsIn(rig.folder);
        expect(state.length).toBeGreaterThan(10);
        const texts: [string, string][] = [
          ...state,
          ...printed.map((text): [string, string] => ['printed', text]),
          ...commands.map((text): [string, string] => ['an argument', text]),
          ['an argument', recorded],
        ];
        expect(placesOf(PASSWORD, texts)).toEqual([]);
        // Else nothing would be found there, either.
        await writeFile(join(home, 'found'), JSON.stringify({ url: `x://deployer:${PASSWORD}@y` }));
        expect(placesOf(PASSWORD, await textsIn(home))).toContain(join(home, 'found'));
      });
    });
  },
);
