import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { dockerCredentials } from '../src/adapters/registry/docker-credentials.ts';
import type { Cluster } from '../src/kubernetes/cluster.ts';
import { connect } from '../src/kubernetes/connect.ts';
import { pullCredentials } from '../src/kubernetes/pull-secrets.ts';
import { pathOf } from '../src/kubernetes/resource-paths.ts';
import { type DockerAuth, loginFrom } from '../src/oci/registry-credentials.ts';
import { connectAs } from './connect-as.ts';
import { NEVER } from './oci-fixture.ts';

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

describe('which login fits', () => {
  const auths = {
    'https://index.docker.io/v1/': auth('hub:1'),
    'registry.example.com': auth('all:2'),
    'registry.example.com/team': auth('team:3'),
    '*.cloud.example.com': auth('pattern:4'),
    'one.cloud.example.com': auth('exact:5'),
    'https://old.example.com:5000/v2/': { username: 'plain', password: 'pa:ss' },
    'token.example.com': { identitytoken: 'identity' },
    'empty.example.com': {},
    'null.example.com': null as unknown as DockerAuth,
  };
  test.each([
    ['docker.io', 'library/nginx', 'hub'],
    ['registry.example.com', 'other/api', 'all'],
    ['registry.example.com', 'team/api', 'team'],
    ['registry.example.com', 'teams/api', 'all'],
    ['two.cloud.example.com', 'a', 'pattern'],
    ['one.cloud.example.com', 'a', 'exact'],
    ['a.b.cloud.example.com', 'a', undefined],
    ['old.example.com:5000', 'a', 'plain'],
    ['token.example.com', 'a', '<token>'],
    ['empty.example.com', 'a', undefined],
    ['null.example.com', 'a', undefined],
    ['example.com', 'a', undefined],
  ])('%s/%s: %s', (host, repository, username) => {
    expect(loginFrom(auths, host, repository)?.username).toBe(username);
  });

  test('a password may have a colon in it', () => {
    expect(loginFrom({ a: auth('ana:x:y') }, 'a')).toEqual({ username: 'ana', password: 'x:y' });
  });
});

describe("docker's config.json", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rda-docker-'));
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });
  const config = (value: object) => writeFile(join(folder, 'config.json'), JSON.stringify(value));
  const helper = async (name: string, script: string) => {
    const path = join(folder, `docker-credential-${name}`);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  };
  const ask = (host: string) => dockerCredentials(folder)(host, NEVER);

  test('no file is no login', async () => {
    expect(await ask('registry.example.com')).toBeUndefined();
  });

  test('a login of the file itself', async () => {
    await config({ auths: { 'registry.example.com': auth('ana:secret') } });
    expect(await ask('registry.example.com')).toEqual({ username: 'ana', password: 'secret' });
  });

  test('a helper gets the host on stdin', async () => {
    await config({ credHelpers: { 'registry.example.com': 'test' }, credsStore: 'other' });
    await helper('test', 'read host; echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"of $host\\"}"');
    expect(await ask('registry.example.com')).toEqual({
      username: 'get',
      password: 'of registry.example.com',
    });
  });

  test('a store knows the Docker Hub by its old address', async () => {
    await config({ credsStore: 'test' });
    await helper('test', 'read host; echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"$host\\"}"');
    expect(await ask('docker.io')).toEqual({ username: 'u', password: 'https://index.docker.io/v1/' });
  });

  test('a store that has no login leaves it to the file', async () => {
    await config({ credsStore: 'test', auths: { a: auth('ana:secret') } });
    await helper('test', 'echo "credentials not found in native keychain"; exit 1');
    expect(await ask('a')).toEqual({ username: 'ana', password: 'secret' });
  });

  test.each([
    ['fails', 'echo my-secret; exit 3', 'docker-credential-test get, asked for a, exited 3.'],
    ['does not answer in JSON', 'echo my-secret', 'docker-credential-test get, asked for a, gave no JSON.'],
  ])('a helper that %s is an error, without what it printed', async (_, script, detail) => {
    await config({ credsStore: 'test' });
    await helper('test', script);
    const error = await ask('a').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'REGISTRY_CREDENTIALS_UNREADABLE', detail });
    expect(String(error.cause)).not.toContain('my-secret');
  });

  test('a helper that is not installed, or is no name', async () => {
    await config({ credsStore: 'nowhere' });
    await expect(ask('a')).rejects.toThrow(/docker-credential-nowhere can't be run/);
    await config({ credsStore: '../x' });
    await expect(ask('a')).rejects.toThrow(/can't be the name of a credential helper/);
  });

  test('a broken file is said without a word of it', async () => {
    await writeFile(join(folder, 'config.json'), '{"auths": my-secret');
    const error = await ask('a').catch((thrown) => thrown);
    expect(error.detail).toBe(`${join(folder, 'config.json')} is not JSON.`);
  });
});

describe.skipIf(!process.env.KUBECONFIG)('pull secrets of a real cluster in $KUBECONFIG', () => {
  const namespace = `pull-secrets-${randomBytes(3).toString('hex')}`;
  let cluster: Cluster;
  const create = (resource: string, name: string, body: object) =>
    cluster.create(pathOf(resource, namespace), { metadata: { name }, ...body });
  const secret = (name: string, type: string, key: string, content: object) =>
    create('secrets', name, {
      type,
      data: { [key]: Buffer.from(JSON.stringify(content)).toString('base64') },
    });

  beforeAll(async () => {
    cluster = await connect();
    await cluster.create('/api/v1/namespaces', { metadata: { name: namespace } });
    await secret('new', 'kubernetes.io/dockerconfigjson', '.dockerconfigjson', {
      auths: { 'registry.example.com': auth('new:1') },
    });
    await secret('old', 'kubernetes.io/dockercfg', '.dockercfg', { 'old.example.com': auth('old:2') });
    await secret('other', 'Opaque', 'x', {});
    await create('serviceaccounts', 'puller', { imagePullSecrets: [{ name: 'old' }, { name: 'gone' }] });
  });
  afterAll(() => cluster?.delete(pathOf('namespaces', undefined, namespace)));

  const names = async (podSpec: object, by = cluster) => {
    const ask = await pullCredentials(by, namespace, podSpec, NEVER);
    const logins = await Promise.all(
      ['registry.example.com', 'old.example.com'].map((host) => ask(host, NEVER)),
    );
    return logins.map((login) => login?.username);
  };

  test("the pod's own, of both types; others and those that are gone are passed over", async () => {
    const imagePullSecrets = [{ name: 'other' }, { name: 'gone' }, { name: 'new' }, { name: 'old' }];
    expect(await names({ imagePullSecrets, serviceAccountName: 'puller' })).toEqual(['new', 'old']);
    expect(await names({ imagePullSecrets: [{ name: 'new' }], serviceAccountName: 'puller' })).toEqual([
      'new',
      undefined,
    ]);
  });

  test("else those of the pod's service account", async () => {
    expect(await names({ serviceAccountName: 'puller' })).toEqual([undefined, 'old']);
    expect(await names({ serviceAccountName: 'none' })).toEqual([undefined, undefined]);
  });

  test('a secret that is no login is said', async () => {
    const data = { '.dockercfg': Buffer.from('null').toString('base64') };
    await create('secrets', 'bad', { type: 'kubernetes.io/dockercfg', data });
    await expect(names({ imagePullSecrets: [{ name: 'bad' }] })).rejects.toMatchObject({
      code: 'PULL_SECRET_INVALID',
      summary: `Secret ${namespace}/bad is no login of a registry`,
    });
  });

  test('a right that is missing is named', async () => {
    const nobody = await connectAs(cluster, namespace, 'nobody');
    const error = await names({ imagePullSecrets: [{ name: 'new' }] }, nobody).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'PULL_SECRETS_FORBIDDEN', retriable: false });
    expect(error.detail).toContain(`The right to get secrets "new" in namespace ${namespace} is missing`);
    await expect(names({ serviceAccountName: 'puller' }, nobody)).rejects.toMatchObject({
      code: 'PULL_SECRETS_FORBIDDEN',
      detail: expect.stringContaining('The right to get serviceaccounts "puller"'),
    });
  });
});
