import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestNamespace } from './namespace.ts';
import { runProcess } from './run-process.ts';

export interface LimitedUser {
  name: string;
  /** Path of a kubeconfig with its token; give it as `env: { KUBECONFIG }`. */
  kubeconfig: string;
  dispose(): Promise<void>;
}

export interface LimitedUserOptions {
  /** Of the ServiceAccount (default: `limited`). */
  name?: string;
  /** How long its token is good, e.g. `10m`, the least that the API server gives (default: `1h`). */
  duration?: string;
}

/**
 * A ServiceAccount that may do what the Role says and no more.
 * @param roleYaml A Role, or several objects among which is one; each is applied to the namespace and bound to it
 */
export async function limitedUser(
  namespace: TestNamespace,
  roleYaml: string,
  options: LimitedUserOptions = {},
): Promise<LimitedUser> {
  const { name = 'limited', duration = '1h' } = options;
  await namespace.kubectl(['create', 'serviceaccount', name]);
  const applied = await namespace.kubectl(['apply', '--filename', '-', '--output', 'name'], {
    input: roleYaml,
  });
  const roles = [...applied.stdout.matchAll(/^role\.rbac\.authorization\.k8s\.io\/(\S+)$/gm)].map(
    ([, role]) => role,
  );
  if (roles.length === 0) throw new Error(`There is no Role in what was applied: ${applied.stdout}`);
  for (const role of roles) {
    const bound = ['--role', `${role}`, '--serviceaccount', `${namespace.name}:${name}`];
    await namespace.kubectl(['create', 'rolebinding', `${name}-${role}`, ...bound]);
  }
  const token = await namespace.kubectl(['create', 'token', name, '--duration', duration]);
  const folder = await mkdtemp(join(tmpdir(), 'rda-user-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, await kubeconfigOf(namespace.name, name, token.stdout.trim()), { mode: 0o600 });
  return { name, kubeconfig, dispose: () => rm(folder, { recursive: true, force: true }) };
}

/** The admin's configuration has the cluster's address and certificate; only the login is another. */
async function kubeconfigOf(namespace: string, user: string, token: string): Promise<string> {
  const args = ['config', 'view', '--raw', '--flatten', '--minify', '--output', 'json'];
  const admin = JSON.parse((await runProcess('kubectl', args)).stdout) as { clusters: { name: string }[] };
  const cluster = admin.clusters[0]?.name;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': user,
    clusters: admin.clusters,
    users: [{ name: user, user: { token } }],
    contexts: [{ name: user, context: { cluster, user, namespace } }],
  });
}
