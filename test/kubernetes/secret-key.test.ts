import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import { readSecretKey } from '../../src/kubernetes/secret-key.ts';
import { type TestNamespace, testNamespace, until } from './namespace.ts';
import { connectWith } from './preflight-rig.ts';
import { runProcess, startProcess } from './run-process.ts';

const hasCluster = process.env.KUBECONFIG !== undefined;
if (!hasCluster) console.warn('SKIPPED: credentials in Secrets. Set KUBECONFIG to run it.');

describe.skipIf(!hasCluster)('the credentials of a database in a Secret', () => {
  let namespace: TestNamespace;
  let folder: string;
  /** May do what `init --rbac` prints of the Secrets of the configuration, and nothing else. */
  let limited: Cluster;

  beforeAll(async () => {
    namespace = await testNamespace('rda-secret');
    folder = await mkdtemp(join(tmpdir(), 'rda-secret-'));
    for (const name of ['shop-db', 'other'])
      await namespace.kubectl(['create', 'secret', 'generic', name, '--from-literal=password=it is\n']);
    await writeFile(
      join(folder, 'rollback.yaml'),
      `services:
  shop:
    platform: { kind: kubernetes, workloads: [deployment/shop], namespace: ${namespace.name} }
    registry: { kind: distribution }
    database:
      kind: postgresql
      host: 127.0.0.1
      port: 1
      database: shop
      password: { secretKeyRef: { name: shop-db, key: password } }
  stock:
    platform: { kind: kubernetes, workloads: [deployment/stock], namespace: ${namespace.name} }
    registry: { kind: distribution }
    database: { kind: mysql, url: { secretKeyRef: { name: stock-db, key: url, namespace: data } } }
  till:
    platform: { kind: local, port: 8080 }
    registry: { kind: oci-layout }
    database:
      kind: mysql
      database: till
      password: { secretKeyRef: { name: shop-db, key: url, namespace: ${namespace.name} } }
`,
    );
    const { stdout } = await typed('init', '--rbac', '-n', namespace.name);
    const documents = parseAllDocuments(stdout).map((document) => document.toJS());
    expect(documents.map(({ kind, metadata }) => `${metadata.namespace} ${kind}`)).toEqual([
      ...['ServiceAccount', 'Role', 'RoleBinding'].map((kind) => `${namespace.name} ${kind}`),
      ...['Role', 'RoleBinding'].map((kind) => `data ${kind}`),
    ]);
    const own = documents.slice(0, 3);
    own[1].rules = own[1].rules.filter((rule: { resourceNames?: string[] }) => rule.resourceNames);
    expect(own[1].rules).toHaveLength(1);
    expect(documents[3].rules).toEqual([
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['stock-db'], verbs: ['get'] },
    ]);
    expect(documents[4].subjects[0].namespace).toBe(namespace.name);
    await namespace.apply(...own);
    limited = await connectWith(await tokenKubeconfig(), namespace.name);
    await until(async () => (await read('shop-db')) === 'it is');
  });
  afterAll(async () => {
    await namespace?.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const typed = (...args: string[]) =>
    startProcess(process.execPath, [join(process.cwd(), 'dist/cli.js'), ...args], { cwd: folder }).ended;
  const read = (name: string, key = 'password', cluster = limited) =>
    readSecretKey(cluster, { name, key }, namespace.name).catch((error) => error);

  test('is read with the right to get that very Secret, and no other', async () => {
    expect(await read('shop-db')).toBe('it is');
    const refused = await read('other');
    expect(refused).toMatchObject({ code: 'SECRET_FORBIDDEN' });
    expect(refused.fix).toContain(`init --rbac -n ${namespace.name}`);
  });

  test('a Secret or a key that is not there is named, and no value', async () => {
    const noKey = await read('shop-db', 'url');
    expect(noKey).toMatchObject({ code: 'SECRET_MISSING', exit: 2 });
    expect(noKey.detail).toBe(`Secret ${namespace.name}/shop-db has no key url; it has password.`);
    const admin = await connect({ namespace: namespace.name });
    expect((await read('gone', 'url', admin)).detail).toBe(`There is no Secret ${namespace.name}/gone.`);
  });

  test('by the built product, in a cluster and beside one', async () => {
    const inCluster = await typed('doctor', '--service', 'shop');
    expect(inCluster.stdout).toContain("The database postgresql 127.0.0.1/shop can't be reached");
    const beside = await typed('doctor', '--service', 'till');
    expect(beside.stdout).toContain(`Secret ${namespace.name}/shop-db has no key url; it has password.`);
  });

  async function tokenKubeconfig(): Promise<string> {
    const { stdout } = await namespace.kubectl(['create', 'token', 'rollback-deploy-auto']);
    const { stdout: own } = await runProcess('kubectl', [
      'config',
      'view',
      '--raw',
      '--minify',
      '--output',
      'json',
    ]);
    const config = JSON.parse(own);
    config.users[0].user = { token: stdout.trim() };
    const path = join(folder, 'kubeconfig');
    await writeFile(path, JSON.stringify(config));
    return path;
  }
});
