import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import { postgresqlFixture } from '../databases/postgresql-fixture.ts';
import type { DatabaseServer } from '../databases/server.ts';
import { placesOf, textsIn } from '../e2e/secret-search.ts';
import { watchArguments } from '../e2e/watch-arguments.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

const PASSWORD = `p:a"s s'#w%r\\d$1@/é`;
const SQL =
  "CREATE TABLE schema_migrations (version VARCHAR(20) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('1')";
const RECORDER = pathToFileURL('test/e2e/record-arguments.mjs').href;

if (!hasCluster || !HAS_POSTGRESQL)
  console.warn('SKIPPED: the password of a database in a run on a cluster. Set KUBECONFIG and REGISTRY.');

describe.skipIf(!hasCluster || !HAS_POSTGRESQL)(
  'the password of a database, in a Secret beside a Deployment',
  () => {
    let server: DatabaseServer;
    let database: ServerFixture;
    let rig: KubernetesRig;
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rda-credentials-'));
      server = await startPostgresql();
      database = await postgresqlFixture(server, SQL);
      await database.user('deployer', PASSWORD, []);
      rig = await kubernetesRig({ replicas: 1 });
      await rig.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'shop-db' },
        stringData: { password: PASSWORD },
      } as never);
    });
    afterAll(async () => {
      await rig?.dispose();
      await database?.end();
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('is nowhere after a run with a backup: not in arguments, output, journal, record, events or files', async () => {
      const cwd = join(folder, 'run');
      await mkdir(cwd);
      await writeFile(
        join(cwd, 'rollback.yaml'),
        `services:
  api:
    platform: { kind: kubernetes, namespace: ${rig.namespace}, workloads: [deployment/api] }
    registry: { kind: distribution }
    database:
      kind: postgresql
      host: 127.0.0.1
      port: ${server.port}
      user: deployer
      database: ${JSON.stringify(database.address.database)}
      password: { secretKeyRef: { name: shop-db, key: password } }
    backup: { path: backups }
    monitor: { duration: 0 }
`,
      );
      const temporary = join(folder, 'temporary');
      await mkdir(temporary);
      const env = {
        TMPDIR: temporary,
        ARGUMENTS_FILE: join(folder, 'arguments'),
        NODE_OPTIONS: `--import ${RECORDER}`,
      };
      const watched = watchArguments();
      const args = [
        '--version',
        'v2.14.3',
        '--accept',
        'migrations',
        '--reason',
        'x',
        '--output',
        'json',
        '--yes',
      ];
      const ran = await rig.rda(['deployment/api', ...args], { cwd, env });
      const shown = await rig.rda(['show', 'last', 'deployment/api', '--output', 'json'], { cwd, env });
      const commands = await watched.stop();
      expect(ran.exit, ran.stdout + ran.stderr).toBe(0);
      expect(JSON.stringify(JSON.parse(ran.stdout).checks)).toContain('Verified by restore');
      expect(shown.exit, shown.stderr).toBe(0);
      expect(shown.stdout).toContain('.dump');
      expect(await readdir(temporary)).toEqual([]);

      const recorded = await readFile(env.ARGUMENTS_FILE, 'utf8');
      expect(recorded).toContain('/pg_dump');
      const kept = await objectsOf(rig);
      expect(kept.some(([name]) => name.startsWith('configmaps/'))).toBe(true);
      const texts: [string, string][] = [
        ['output', [ran.stdout, ran.stderr, shown.stdout, shown.stderr].join('\n')],
        ['arguments', [recorded, ...commands].join('\n')],
        ...(await textsIn(cwd)),
        ...kept,
      ];
      // It is where it belongs, so that it would be found elsewhere.
      expect(placesOf(PASSWORD, texts)).toEqual(['secrets/shop-db']);
    });
  },
);

/** All objects of the namespace as JSON, with what they hold encoded in plain. */
async function objectsOf(rig: KubernetesRig): Promise<[string, string][]> {
  const kinds = [
    'configmaps',
    'secrets',
    'leases',
    'events',
    'deployments',
    'replicasets',
    'pods',
    'services',
  ];
  const found = await Promise.all(
    kinds.map(async (kind) =>
      (await rig.list(kind)).map((object): [string, string] => {
        const { data, binaryData } = object as { data?: Encoded; binaryData?: Encoded };
        const encoded = Object.values<string>({ ...(kind === 'secrets' ? data : {}), ...binaryData });
        const plain = encoded.map((value) => unpacked(Buffer.from(value, 'base64')));
        return [`${kind}/${object.metadata.name}`, [JSON.stringify(object), ...plain].join('\n')];
      }),
    ),
  );
  return found.flat();
}

type Encoded = Record<string, string>;

function unpacked(bytes: Buffer): string {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return (isGzip ? gunzipSync(bytes) : bytes).toString('utf8');
}
