import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../src/kubernetes/cluster.ts';
import { connect } from '../src/kubernetes/connect.ts';
import { pathOf } from '../src/kubernetes/resource-paths.ts';

/** The cluster as a service account of its own, which may do only what `rules` say, in this namespace. */
export async function connectAs(
  admin: Cluster,
  namespace: string,
  account: string,
  rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] = [],
): Promise<Cluster> {
  const metadata = { name: account };
  await admin.create(pathOf('serviceaccounts', namespace), { metadata });
  if (rules.length > 0) {
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await admin.create(`${rbac}/roles`, { metadata, rules });
    await admin.create(`${rbac}/rolebindings`, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: account },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    });
  }
  const { status } = await admin.create<{ status: { token: string } }>(
    pathOf('serviceaccounts', namespace, account, 'token'),
    { spec: { expirationSeconds: 600 } },
  );
  const folder = await mkdtemp(join(tmpdir(), 'rda-kube-'));
  const before = process.env.KUBECONFIG;
  try {
    const path = join(folder, 'config');
    await writeFile(path, kubeconfig(admin.server, status.token));
    process.env.KUBECONFIG = path;
    return await connect();
  } finally {
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
    await rm(folder, { recursive: true });
  }
}

function kubeconfig(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token } }],
  });
}
