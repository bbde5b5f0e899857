import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture, ODD_SQL } from './mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';

const NEVER = new AbortController().signal;
const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);

/** The lines of the block of docs/backups.md that has this text in it. */
async function blockWith(text: string): Promise<string> {
  const page = await readFile('docs/backups.md', 'utf8');
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] as string);
  const found = blocks.filter((block) => block.includes(text));
  expect(found).toHaveLength(1);
  return found[0] as string;
}

async function typed(lines: string, folder: string, env: Record<string, string>): Promise<string> {
  const options = { cwd: folder, env: { ...process.env, ...env } };
  return (await promisify(execFile)('bash', ['-ec', lines], options)).stdout;
}

describe('restoring by hand, as docs/backups.md says', () => {
  test.skipIf(!HAS_POSTGRESQL)('PostgreSQL', async () => {
    const server = await startPostgresql();
    try {
      const fixture = await postgresqlFixture(server);
      const backup = await fixture.database.backUp({ nowMs: NOW, signal: NEVER, progress() {} });
      const { host, port, user, password } = server;
      const env = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password };
      const told = await typed(await blockWith('pg_restore'), fixture.backupFolder, env);
      const manifest = JSON.parse(await readFile(`${backup.path}.json`, 'utf8'));
      expect(told.split(' ')[0]).toBe(manifest.sha256);
      // The settings of the database are in no dump of pg_dump's.
      await fixture.exec(`ALTER DATABASE shop_restored SET work_mem TO '5MB'`);
      expect(await fixture.content('shop_restored')).toBe(await fixture.content());
      await fixture.end();
    } finally {
      await server.stop();
    }
  });

  test.skipIf(!HAS_MARIADB)('MariaDB', async () => {
    const server = await startMariadb({
      'character-set-server': 'latin1',
      'collation-server': 'latin1_swedish_ci',
    });
    try {
      const fixture = await mariadbFixture(server, ODD_SQL);
      await fixture.database.backUp({ nowMs: NOW, signal: NEVER, progress() {} });
      const options = join(fixture.backupFolder, '.my.cnf');
      const { host, port, user, password } = server;
      await writeFile(
        options,
        `[client]\nhost=${host}\nport=${port}\nuser=${user}\npassword=${password}\ndefault-character-set=utf8mb4\n`,
        { mode: 0o600 },
      );
      const told = await typed(await blockWith('mariadb shop_restored'), fixture.backupFolder, {
        HOME: fixture.backupFolder,
      });
      expect(told).toContain('-- Dump completed');
      const of = (database: string) => (text: string) => text.replaceAll(database, 'DB');
      expect(of('shop_restored')(await fixture.content('shop_restored'))).toBe(
        of(fixture.address.database as string)(await fixture.content()),
      );
      await fixture.end();
    } finally {
      await server.stop();
    }
  });
});
