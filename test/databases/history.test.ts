import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mysqlDatabase } from '../../src/adapters/database/mysql.ts';
import type { PostgresqlOptions } from '../../src/adapters/database/postgresql/options.ts';
import { postgresqlDatabase } from '../../src/adapters/database/postgresql.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import type { MigrationFormat } from '../../src/model/migration-formats.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';

const DIRTY = `CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO schema_migrations VALUES (10, true);`;
const DRIZZLE = `CREATE SCHEMA drizzle;
CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('a1', 5), ('b2', 7);`;

describe.skipIf(!HAS_POSTGRESQL)('the history in PostgreSQL', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());
  const look = (sql: string, format: MigrationFormat) =>
    entriesOf(postgresqlFixture(server, sql), postgresqlDatabase, format);

  it('is read as its tool means it: what was begun and not finished is no applied migration', async () => {
    expect(await look(DIRTY, 'golang-migrate')).toMatchObject([{ version: '10', state: 'failed' }]);
  });

  it('is found in the schema that its tool makes', async () => {
    expect(await look(DRIZZLE, 'drizzle')).toHaveLength(2);
  });

  it('is not known where its table is not there', async () => {
    expect(await look('SELECT 1', 'drizzle')).toBeUndefined();
  });
});

describe.skipIf(!HAS_MARIADB)('the history in MariaDB', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());
  const look = (sql: string, format: MigrationFormat) =>
    entriesOf(mariadbFixture(server, sql), mysqlDatabase, format);

  it('is read as its tool means it: what was begun and not finished is no applied migration', async () => {
    expect(await look(DIRTY, 'golang-migrate')).toMatchObject([{ version: '10', state: 'failed' }]);
  });

  it('is not known where its table is not there', async () => {
    expect(await look('SELECT 1', 'golang-migrate')).toBeUndefined();
  });
});

/** What the facts of a database with that history say. */
async function entriesOf(
  made: Promise<ServerFixture>,
  open: typeof postgresqlDatabase | typeof mysqlDatabase,
  format: MigrationFormat,
) {
  const { plainOptions, address } = await made;
  const { history } = migrationSources[format]();
  const database = open({
    ...(plainOptions as unknown as PostgresqlOptions),
    history,
    address: async () => address,
  });
  const { applied, historyRows } = await database.facts(new AbortController().signal);
  expect(historyRows === undefined).toBe(applied === undefined);
  return historyRows && history.read(historyRows, []);
}
