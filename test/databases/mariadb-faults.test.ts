import { afterAll, beforeAll, describe } from 'vitest';
import { databaseServerFaults } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import type { DatabaseServer } from './server.ts';

const SIMPLE_SQL = `
CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20260102'), ('20260101');
`;

describe.skipIf(!HAS_MARIADB)('with MariaDB', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());
  const source = 'src/adapters/database/mysql.ts';
  databaseServerFaults(
    'mysql',
    {
      source,
      factory: 'mysqlDatabase',
      tools: /mariadb-dump|\/mariadb\0/,
      // Which tables it does not see it can't know.
      denied: /clerk.*SELECT.*on all of the-shop/,
    },
    () => mariadbFixture(server, SIMPLE_SQL),
  );
});
