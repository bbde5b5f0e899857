import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { databases } from '../../src/adapters/database/index.ts';
import type { ServerConfiguration } from '../../src/adapters/database/server-address.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';

const NEVER = new AbortController().signal;
const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);
const SQL = 'CREATE TABLE schema_migrations (version VARCHAR(20) PRIMARY KEY); CREATE TABLE t (a int)';
const PASSWORD = `p:a"s s'#w%rd`;
const kinds = [
  { kind: 'postgresql', has: HAS_POSTGRESQL, start: startPostgresql, fixture: postgresqlFixture },
  { kind: 'mysql', has: HAS_MARIADB, start: startMariadb, fixture: mariadbFixture },
] as const;

describe.each(kinds)('credentials of $kind', ({ kind, has, start, fixture }) => {
  describe.skipIf(!has)('on a real server', () => {
    let server: DatabaseServer;
    let made: ServerFixture;
    let home: string;
    beforeAll(async () => {
      server = await start();
      made = await fixture(server, SQL);
      await made.user('deployer', PASSWORD, []);
    });
    afterAll(async () => {
      await made?.end();
      await server?.stop();
    });
    beforeEach(async () => {
      home = await mkdtemp(join(tmpdir(), 'rda-home-'));
      vi.stubEnv('HOME', home);
    });
    afterEach(async () => {
      vi.unstubAllEnvs();
      await rm(home, { recursive: true });
    });

    const open = (more: Partial<ServerConfiguration>) => {
      const { host, port } = server;
      const database = { kind, host, port, user: 'deployer', database: made.address.database, ...more };
      return databases[kind]({
        configuration: { database, backup: { path: 'backups', keep: 1 } },
        configFolder: home,
        stateDir: home,
        history: { table: 'schema_migrations', column: 'version' },
        secretKey: async ({ name, key }) => (name === 'shop-db' && key === 'password' ? PASSWORD : ''),
      });
    };
    /** Both the driver and the tools of the server must get in. */
    const backsUp = async (more: Partial<ServerConfiguration>) => {
      const database = open(more);
      expect((await database.facts(NEVER)).applied).toEqual([]);
      const backup = await database.backUp({ nowMs: NOW, signal: NEVER, progress: () => {} });
      await database.verify(backup, NEVER);
    };
    const refused = (more: Partial<ServerConfiguration>) =>
      open(more)
        .facts(NEVER)
        .catch((error) => error);

    test('from the environment, a file, and a key of a Secret', async () => {
      vi.stubEnv('SHOP_DB_PASSWORD', PASSWORD);
      await backsUp({ password: { env: 'SHOP_DB_PASSWORD' } });
      await writeFile(join(home, 'password'), `${PASSWORD}\n`);
      await backsUp({ password: { file: 'password' } });
      await backsUp({ password: { secretKeyRef: { name: 'shop-db', key: 'password' } } });
    });

    if (kind === 'postgresql') {
      test('from ~/.pgpass, which nobody else may read', async () => {
        const file = join(home, '.pgpass');
        expect((await refused({})).detail).toContain(`No password is configured, and there is no ${file} (`);
        const escaped = PASSWORD.replace(/[\\:]/g, '\\$&');
        await writeFile(file, `other:*:*:*:wrong\n127.0.0.1:${server.port}:*:deployer:${escaped}\n`);
        await chmod(file, 0o640);
        const error = await refused({});
        expect(error).toMatchObject({ code: 'DATABASE_UNREADABLE' });
        expect(error.detail).toContain(
          `and ${file} is not used: others may read it (mode 0640, it must be 0600)`,
        );
        await chmod(file, 0o600);
        await backsUp({});
      });
    } else {
      test('from ~/.my.cnf, read by the program of the clients', async () => {
        expect(await refused({})).toMatchObject({ code: 'DATABASE_UNREADABLE' });
        const file = join(home, '.my.cnf');
        const quoted = `"${PASSWORD.replace(/[\\"]/g, '\\$&')}"`;
        await writeFile(file, `[client]\npassword = wrong\n[client]\nuser=deployer\npassword=${quoted}\n`, {
          mode: 0o600,
        });
        await backsUp({});
        await backsUp({ user: undefined });
        await writeFile(file, 'password=hidden\n');
        const invalid = await refused({});
        expect(invalid).toMatchObject({ code: 'OPTION_FILE_INVALID', exit: 2 });
        expect(`${invalid.detail}${invalid.stack}`).not.toContain('hidden');
      });
    }
  });
});
