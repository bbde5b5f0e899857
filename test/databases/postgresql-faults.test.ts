import { afterAll, beforeAll, describe } from 'vitest';
import { databaseServerFaults } from '../contracts/database-server-faults.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';

const SIMPLE_SQL = `
CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20260102'), ('20260101');
`;

describe.skipIf(!HAS_POSTGRESQL)('with PostgreSQL', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());
  const source = 'src/adapters/database/postgresql.ts';
  databaseServerFaults(
    'postgresql',
    { source, factory: 'postgresqlDatabase', tools: /pg_(dump|restore)/, denied: /clerk.*invoices/ },
    () => postgresqlFixture(server, SIMPLE_SQL),
  );
});
