import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';

const SQL = 'CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1)';
const NEVER = new AbortController().signal;

const kinds = [
  {
    kind: 'PostgreSQL',
    there: HAS_POSTGRESQL,
    account: 'postgres',
    start: (cert: string, key: string) =>
      startPostgresql({ ssl: 'on', ssl_cert_file: cert, ssl_key_file: key }),
    fixture: postgresqlFixture,
  },
  {
    kind: 'MariaDB',
    there: HAS_MARIADB,
    account: 'mysql',
    start: (cert: string, key: string) => startMariadb({ 'ssl-cert': cert, 'ssl-key': key }),
    fixture: mariadbFixture,
  },
];

describe.each(kinds)('TLS: $kind', ({ kind, there, account, start, fixture }) => {
  describe.skipIf(!there || spawnSync('openssl', ['version']).status !== 0)(
    'of a server with a certificate of its own',
    () => {
      let folder: string;
      let server: DatabaseServer;
      let database: ServerFixture;

      beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), 'rda-tls-'));
        await chmod(folder, 0o755);
        certificate('server');
        certificate('other');
        if (process.getuid?.() === 0) execFileSync('chown', [account, join(folder, 'server.key')]);
        server = await start(join(folder, 'server.crt'), join(folder, 'server.key'));
        database = await fixture(server, SQL);
      });
      afterAll(async () => {
        await database?.end();
        await server?.stop();
        await rm(folder, { recursive: true });
      });

      function certificate(name: string): void {
        execFileSync(
          'openssl',
          [
            ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
            ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
            ...['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)],
          ],
          { stdio: 'pipe' },
        );
      }

      test.each([
        { tls: 'prefer' as const },
        { tls: 'require' as const },
        { tls: 'verify-ca' as const, ca: 'server.crt' },
        { tls: 'verify-full' as const, ca: 'server.crt', host: 'localhost' },
      ])('$tls: driver and tools connect', async ({ tls, ca, host = '127.0.0.1' }) => {
        const as = database.as({ tls, host, ca: ca === undefined ? undefined : join(folder, ca) });
        const backup = await as.backUp({ nowMs: 0, signal: NEVER, progress() {} });
        await as.verify(backup, NEVER);
      });

      test.each([{ ca: 'other.crt' }, { ca: undefined }])(
        'a certificate that $ca did not sign is refused',
        async ({ ca }) => {
          const as = database.as({
            tls: 'verify-full',
            host: 'localhost',
            ca: ca === undefined ? undefined : join(folder, ca),
          });
          await expect(as.facts(NEVER)).rejects.toMatchObject({
            code: 'DATABASE_UNREACHABLE',
            detail: expect.stringMatching(/certificate/i),
          });
        },
      );

      test('verify-full of an address: it is in the certificate, or a name is asked for', async () => {
        const as = database.as({ tls: 'verify-full', ca: join(folder, 'server.crt') });
        const facts = await as.facts(NEVER).catch((error) => error);
        const refused = { code: 'DATABASE_UNREACHABLE', fix: expect.stringContaining('verify-ca') };
        expect(facts).toMatchObject(kind === 'PostgreSQL' ? { engine: 'postgresql' } : refused);
      });
    },
  );
});
