import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestNamespace, testNamespace } from '../kubernetes/namespace.ts';

/** Where the password of a database is had from. */
export interface CredentialSource {
  name: string;
  /** Of a server with an address of its own; the URL is the whole address. */
  gives: 'password' | 'url';
  /** The value in rollback.yaml; undefined where nothing is configured. */
  configured: string | undefined;
  env: Record<string, string>;
  /** Has it give another password or URL from now on. */
  put(value: string): Promise<void>;
}

export interface CredentialSources {
  sources: CredentialSource[];
  dispose(): Promise<void>;
}

/** @param kind As rollback.yaml has it. @param home Becomes the home folder of whoever runs the product. */
export async function credentialSources(kind: string, home: string): Promise<CredentialSources> {
  await mkdir(home, { recursive: true });
  const fromEnvironment = (name: string, gives: 'password' | 'url'): CredentialSource => {
    const env: Record<string, string> = { HOME: home };
    const put = async (value: string) => {
      env[name] = value;
    };
    return { name: `the environment: ${gives}`, gives, configured: `{ env: ${name} }`, env, put };
  };
  const fromFile = (file: string, gives: 'password' | 'url'): CredentialSource => ({
    name: `a file: ${gives}`,
    gives,
    configured: `{ file: ${join(home, file)} }`,
    env: { HOME: home },
    put: (value) => writeFile(join(home, file), `${value}\n`, { mode: 0o600 }),
  });
  const own = kind === 'postgresql' ? pgpass(home) : optionFile(home);
  const namespace = process.env.KUBECONFIG === undefined ? undefined : await testNamespace('rda-secret');
  return {
    sources: [
      fromEnvironment('SHOP_DB_PASSWORD', 'password'),
      fromEnvironment('SHOP_DB_URL', 'url'),
      fromFile('password', 'password'),
      fromFile('url', 'url'),
      own,
      ...(namespace ? [fromSecret(namespace, home)] : []),
    ],
    dispose: async () => namespace?.dispose(),
  };
}

function pgpass(home: string): CredentialSource {
  return {
    name: '~/.pgpass',
    gives: 'password',
    configured: undefined,
    env: { HOME: home },
    put: (value) =>
      writeFile(join(home, '.pgpass'), `*:*:*:deployer:${value.replace(/[\\:]/g, '\\$&')}\n`, {
        mode: 0o600,
      }),
  };
}

function optionFile(home: string): CredentialSource {
  const quoted = (value: string) => `"${value.replace(/[\\"]/g, '\\$&')}"`;
  return {
    name: '~/.my.cnf',
    gives: 'password',
    configured: undefined,
    env: { HOME: home },
    put: (value) =>
      writeFile(join(home, '.my.cnf'), `[client]\npassword=${quoted(value)}\n`, { mode: 0o600 }),
  };
}

function fromSecret(namespace: TestNamespace, home: string): CredentialSource {
  return {
    name: 'a Secret of a cluster',
    gives: 'password',
    configured: `{ secretKeyRef: { name: shop-db, key: password, namespace: ${namespace.name} } }`,
    env: { HOME: home },
    put: (value) =>
      namespace.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'shop-db' },
        stringData: { password: value },
      } as never),
  };
}
