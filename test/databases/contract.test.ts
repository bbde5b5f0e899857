import { afterAll, beforeAll, describe } from 'vitest';
import { databaseContract } from '../contracts/database.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';
import { sqliteFixture } from './sqlite-fixture.ts';

databaseContract('sqlite', { cuts: 60, flips: 80 }, sqliteFixture);

describe.skipIf(!HAS_POSTGRESQL)('with PostgreSQL', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());
  databaseContract('postgresql', { cuts: 10, flips: 24 }, () => postgresqlFixture(server));
});

describe.skipIf(!HAS_MARIADB)('with MariaDB', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb({ 'event-scheduler': 'ON' });
  });
  afterAll(() => server?.stop());
  databaseContract('mysql', { cuts: 10, flips: 24 }, () => mariadbFixture(server));
});
