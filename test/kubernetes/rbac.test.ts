import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { rightsFindings } from '../../src/adapters/platform/kubernetes/preflight/rights.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import { rbacManifest } from '../../src/kubernetes/rbac.ts';
import { DEFAULT_FEATURES, RIGHT_FEATURES } from '../../src/kubernetes/right-features.ts';
import { neededRights } from '../../src/kubernetes/rights.ts';
import { type TestNamespace, testNamespace, until } from './namespace.ts';
import { ask, connectWith, deployment, made } from './preflight-rig.ts';
import { runProcess } from './run-process.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

const hasCluster = process.env.KUBECONFIG !== undefined;
if (!hasCluster) console.warn('SKIPPED: the Role in a cluster. Set KUBECONFIG to run it.');

const ALL = neededRights({ kinds: [], features: DEFAULT_FEATURES });

test('the Role has exactly the rights that are asked for before a rollback, for every feature', () => {
  for (const feature of RIGHT_FEATURES) {
    const asked = neededRights({ kinds: [], features: [feature] }).map(
      ({ group, resource, verb }) => `${group} ${resource} ${verb}`,
    );
    expect(granted(rulesOf(rbacManifest({ namespace: 'shop', features: [feature] })))).toEqual(asked.sort());
  }
});

test('what is named may be changed by name only, and all of the rest stays as it was', () => {
  const plain = rulesOf(rbacManifest({ namespace: 'shop' }));
  const named = rulesOf(rbacManifest({ namespace: 'shop', names: { deployments: ['api', 'worker'] } }));
  expect(granted(named)).toEqual(granted(plain));
  const patches = named.filter(
    ({ resources, verbs }) => resources.includes('deployments') && verbs.includes('patch'),
  );
  expect(patches).toEqual([
    { apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['api', 'worker'], verbs: ['patch'] },
  ]);
});

test('another service account of another namespace is bound, not made', () => {
  const text = rbacManifest({ namespace: 'argocd', serviceAccountNamespace: 'shop', features: ['argo-cd'] });
  const kinds = parseAllDocuments(text).map((document) => document.toJS().kind);
  expect(kinds).toEqual(['Role', 'RoleBinding']);
  expect(parseAllDocuments(text)[1]?.toJS().subjects).toEqual([
    { kind: 'ServiceAccount', name: 'rollback-deploy-auto', namespace: 'shop' },
  ]);
});

test('the Secrets of a database may be read by name, and no others for that', () => {
  const manifest = rbacManifest({
    namespace: 'shop',
    features: ['core'],
    credentials: ['shop-db', 'stock-db'],
  });
  const rules = rulesOf(manifest).filter(({ resources }) => resources.includes('secrets'));
  expect(rules).toEqual([
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['shop-db', 'stock-db'], verbs: ['get'] },
  ]);
});

test('only what the kinds of workload need is asked for', () => {
  const has = (kinds: Parameters<typeof neededRights>[0]['kinds'], resource: string, verb: string) =>
    neededRights({ kinds }).some((right) => right.resource === resource && right.verb === verb);
  expect(has(['deployment'], 'pods', 'delete')).toBe(false);
  expect(has(['deployment'], 'statefulsets', 'patch')).toBe(false);
  expect(has(['statefulset'], 'pods', 'delete')).toBe(true);
  expect(has(['deployment'], 'deployments', 'patch')).toBe(true);
  expect(has(['deployment'], 'rollouts', 'patch')).toBe(false);
  expect(has(['rollout'], 'rollouts/status', 'patch')).toBe(true);
  expect(has(['deployment'], 'replicasets', 'create')).toBe(true);
  expect(has(['deployment', 'rollout'], 'controllerrevisions', 'create')).toBe(false);
  expect(has(['statefulset'], 'controllerrevisions', 'create')).toBe(true);
  expect(has(['daemonset'], 'controllerrevisions', 'create')).toBe(true);
  expect(has(['statefulset', 'daemonset'], 'replicasets', 'create')).toBe(false);
});

describe.skipIf(!hasCluster)('under the Role, in a real cluster', () => {
  let namespace: TestNamespace;
  let admin: Cluster;
  let cluster: Cluster;
  let folder: string;

  beforeAll(async () => {
    namespace = await testNamespace('rda-rbac');
    folder = await mkdtemp(join(tmpdir(), 'rda-rbac-'));
    admin = await connect();
    await namespace.kubectl(['apply', '--filename', '-'], {
      input: rbacManifest({ namespace: namespace.name }),
    });
    cluster = await connectWith(await tokenKubeconfig(), namespace.name);
    await namespace.apply(deployment());
    await made(namespace, 1);
    await until(async () => (await missing()).length === 0);
  });

  afterAll(async () => {
    await namespace.dispose();
    await rm(folder, { recursive: true });
  });

  test('it is enough for the whole preflight: nothing is missing, refused or unknown', async () => {
    const findings = await ask(namespace, { cluster });
    expect(findings.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(findings.find(({ check }) => check === 'rights')?.title).toContain('All rights');
  });

  test('each verb in it counts: taken away, that one is found missing and no other', {
    timeout: 120_000,
  }, async () => {
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace.name}/roles/rollback-deploy-auto`;
    const { rules } = await admin.get<{ rules: Rule[] }>(path);
    for (const { group, resource, verb } of ALL) {
      const value = rules.flatMap((rule) => without(rule, group, resource, verb));
      await admin.patch(path, [{ op: 'replace', path: '/rules', value }]);
      const wanted = `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
      // The authorizer learns of a Role a moment after it was written.
      await until(async () => (await missing()).includes(wanted));
      await until(async () => (await missing()).length === 1);
      expect(await missing()).toEqual([wanted]);
    }
    await admin.patch(path, [{ op: 'replace', path: '/rules', value: rules }]);
    await until(async () => (await missing()).length === 0);
  });

  test('a right by name is asked for by name', async () => {
    const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace.name}/roles/rollback-deploy-auto`;
    const names = { deployments: ['api'] };
    const value = rulesOf(rbacManifest({ namespace: namespace.name, names }));
    await admin.patch(path, [{ op: 'replace', path: '/rules', value }]);
    const asked = (name: string) =>
      rightsFindings(
        cluster,
        namespace.name,
        neededRights({ kinds: ['deployment'], names: { deployments: [name] } }),
        AbortSignal.timeout(20_000),
      );
    await until(async () => (await asked('other'))[0]?.status === 'fail');
    expect((await asked('other'))[0]?.evidence).toEqual(['patch deployments.apps/other']);
    expect((await asked('api'))[0]?.status).toBe('ok');
  });

  async function missing(): Promise<string[]> {
    const findings = await rightsFindings(cluster, namespace.name, ALL, AbortSignal.timeout(20_000));
    return findings
      .filter(({ status }) => status !== 'ok')
      .flatMap(({ evidence }) => evidence)
      .sort();
  }

  /** The ServiceAccount of the manifest itself, by its own RoleBinding. */
  async function tokenKubeconfig(): Promise<string> {
    const token = (await namespace.kubectl(['create', 'token', 'rollback-deploy-auto'])).stdout.trim();
    const view = ['config', 'view', '--raw', '--flatten', '--minify', '--output', 'json'];
    const { clusters } = JSON.parse((await runProcess('kubectl', view)).stdout) as {
      clusters: { name: string }[];
    };
    const context = { cluster: clusters[0]?.name, user: 'role', namespace: namespace.name };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'role',
      clusters,
      users: [{ name: 'role', user: { token } }],
      contexts: [{ name: 'role', context }],
    };
    const path = join(folder, 'kubeconfig');
    await writeFile(path, JSON.stringify(config), { mode: 0o600 });
    return path;
  }
});

function rulesOf(manifest: string): Rule[] {
  const role = parseAllDocuments(manifest)
    .map((document) => document.toJS())
    .find(({ kind }) => kind === 'Role');
  return role.rules;
}

function granted(rules: Rule[]): string[] {
  const all = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${group} ${resource} ${verb}`)),
    ),
  );
  return [...new Set(all)].sort();
}

/** The rule less one verb of one resource. */
function without(rule: Rule, group: string, resource: string, verb: string): Rule[] {
  if (!rule.apiGroups.includes(group) || !rule.resources.includes(resource)) return [rule];
  const others = { ...rule, resources: rule.resources.filter((one) => one !== resource) };
  const rest = { ...rule, resources: [resource], verbs: rule.verbs.filter((one) => one !== verb) };
  return [others, rest].filter(({ resources, verbs }) => resources.length > 0 && verbs.length > 0);
}
