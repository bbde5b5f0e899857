import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../src/kubernetes/api-error.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import { rbacManifest } from '../../src/kubernetes/rbac.ts';
import { neededRights } from '../../src/kubernetes/rights.ts';
import { limitedUser } from './limited-user.ts';
import type { Manifest } from './manifests.ts';
import { type TestNamespace, testNamespace, until } from './namespace.ts';
import {
  applyForAll,
  ask,
  connectWith,
  deployment,
  made,
  NO_IMAGE,
  said,
  verdictOf,
} from './preflight-rig.ts';
import { runProcess } from './run-process.ts';

const hasCluster = process.env.KUBECONFIG !== undefined;
if (!hasCluster) console.warn('SKIPPED: the preflight in a cluster. Set KUBECONFIG to run it.');

describe.skipIf(!hasCluster)('preflight in a real cluster', () => {
  let namespace: TestNamespace;
  let tidy: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    namespace = await testNamespace('rda-preflight');
  });

  afterEach(async () => {
    for (const each of tidy) await each();
    tidy = [];
    await namespace.dispose();
  });

  test('where nothing is against it, nothing stops, and nothing is stored', async () => {
    await namespace.apply(deployment());
    await made(namespace, 1);
    const before = await namespace.get<Manifest>('deployment/api');
    const findings = await ask(namespace);
    expect(findings.filter(({ status }) => status === 'fail' || status === 'unknown')).toEqual([]);
    expect(said(findings, 'rights').join()).toMatch(/^ok All rights/);
    expect(said(findings, 'platform')).toEqual([
      'ok The change of deployment/api would be admitted | ',
      'ok A target pod of deployment/api would be admitted | ',
    ]);
    expect((await namespace.list('pods')).length).toBe(1);
    expect((await namespace.get<Manifest>('deployment/api')).spec).toEqual(before.spec);
  });

  test('a full quota stops, in the server’s own words and counted', async () => {
    // A quota whose use was not counted yet refuses every pod, and the controller comes back ever later.
    await namespace.apply(deployment());
    await made(namespace, 1);
    await namespace.apply(quota({ pods: '1' }));
    await quotaCounts(namespace, 'pods', '1');
    const findings = await ask(namespace);
    const capacity = said(findings, 'capacity').join('\n');
    expect(capacity).toMatch(
      /fail! A target pod of deployment\/api would be refused: quota \| .*exceeded quota: q,/,
    );
    expect(capacity).toContain('resourcequota/q: pods is 1 of 1, 1 more is needed.');
  });

  test('a quota with room for one pod only says that one at a time fits', async () => {
    const resources = { requests: { cpu: '100m' }, limits: { memory: '64Mi' } };
    const podSpec = { containers: [{ name: 'app', image: NO_IMAGE, resources }] };
    await namespace.apply(deployment({ replicas: 2, podSpec }));
    await made(namespace, 2);
    await namespace.apply(quota({ 'requests.cpu': '350m' }));
    await quotaCounts(namespace, 'requests.cpu', '200m');
    const findings = await ask(namespace, { platform: { batch: 2 } });
    const found = findings.find(({ title }) => title.startsWith('No room in the quota for 2 more pods'));
    expect(found).toMatchObject({ check: 'capacity', status: 'fail', blocking: true });
    expect(found?.evidence).toEqual(['resourcequota/q: requests.cpu is 200m of 350m, 200m more is needed.']);
    expect(found?.fix[0]).toContain('--batch 1');
    expect(said(await ask(namespace, { platform: { batch: 1 } }), 'capacity').join()).toContain(
      'ok The quota leaves',
    );
  });

  test('pods run beside as the quota has room for them, those that end too', async () => {
    const resources = { requests: { cpu: '10m' } };
    const podSpec = { containers: [{ name: 'app', image: NO_IMAGE, resources }] };
    await namespace.apply(deployment({ replicas: 4, podSpec }));
    await made(namespace, 4);
    const beside = async () => (await verdictOf(namespace)).beside;
    // The four that may come, and as many that end meanwhile.
    expect(await beside()).toBe(8);
    for (const [pods, expected] of [
      ['12', 8],
      ['7', 3],
      ['5', 1],
    ] as const) {
      await namespace.apply(quota({ pods }));
      await quotaIs(namespace, 'pods', pods);
      expect(await beside()).toBe(expected);
    }
  });

  test('what a LimitRange gives a container without requests is counted', async () => {
    const range = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'range' },
      spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '200m' }, default: { cpu: '1' } }] },
    };
    await namespace.apply(range);
    await namespace.apply(deployment());
    await made(namespace, 1);
    await namespace.apply(quota({ 'requests.cpu': '300m' }));
    await quotaCounts(namespace, 'requests.cpu', '200m');
    const capacity = said(await ask(namespace), 'capacity').join('\n');
    expect(capacity).toContain('requests.cpu is 200m of 300m, 200m more is needed.');
  });

  test('a policy that lets the workload pass and refuses its pods stops before anything moves', async () => {
    await namespace.apply(deployment());
    await namespace.kubectl([
      'label',
      'namespace',
      namespace.name,
      'pod-security.kubernetes.io/enforce=restricted',
    ]);
    const platform = said(await ask(namespace), 'platform');
    expect(platform[0]).toContain('ok The change of deployment/api would be admitted');
    expect(platform[1]).toMatch(
      /fail! A target pod of deployment\/api would be refused \| .*violates PodSecurity/,
    );
  });

  test('a webhook that refuses dry runs leaves it unknown, by name, and does not stop', async () => {
    await namespace.apply(deployment());
    const hook = await shyWebhook();
    tidy.push(hook.close);
    tidy.push(await applyForAll(webhook(namespace.name, hook)));
    await until(async () => said(await ask(namespace), 'platform')[1]?.startsWith('unknown ') ?? false);
    const found = (await ask(namespace)).find(
      ({ check, status }) => check === 'platform' && status === 'unknown',
    );
    expect(found).toMatchObject({ blocking: false });
    expect(found?.title).toContain('the admission webhook shy.rda.invalid refuses dry runs');
  });

  // Webhooks that declare side effects exist only where they were made before the API refused them.
  test('the API server’s own sentence for a webhook with side effects is understood', async () => {
    await namespace.apply(deployment());
    const admin = await connect();
    const message = 'admission webhook "old.example.com" does not support dry run';
    const cluster: Cluster = Object.create(admin, {
      patch: {
        value: async () => {
          throw new ApiError({ what: 'change api', status: 400, answer: { message } });
        },
      },
    });
    const [patch] = said(await ask(namespace, { cluster }), 'platform');
    expect(patch).toMatch(/^unknown .*the admission webhook old.example.com refuses dry runs/);
  });

  test('a webhook that does not answer stops', async () => {
    await namespace.apply(deployment());
    tidy.push(await applyForAll(webhook(namespace.name, { url: 'https://127.0.0.1:1/' })));
    await until(async () => said(await ask(namespace), 'platform')[1]?.startsWith('fail! ') ?? false);
    expect(said(await ask(namespace), 'platform')[1]).toContain('an admission webhook does not answer');
  });

  test.each([
    ['Recreate', { spec: { strategy: { type: 'Recreate' } } }, {}, 'Its strategy is Recreate'],
    ['singleton', {}, { singleton: true }, 'The configuration says singleton'],
    [
      'a volume of one writer',
      { podSpec: { containers: [{ name: 'app', image: NO_IMAGE }], volumes: [volume('data')] } },
      {},
      'volume claim data, which is ReadWriteOnce',
    ],
  ])('what must not run twice stops, with its gap: %s', async (_name, parts, platform, why) => {
    await namespace.apply(claim('data', 'ReadWriteOnce'), deployment(parts));
    const found = (await ask(namespace, { platform })).filter(({ check }) => check === 'downtime');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ status: 'fail', blocking: true, headline: true });
    expect(found[0]?.evidence.join()).toContain(why);
    expect(found[0]?.evidence.join()).toMatch(/Expected gap: up to 30 s to end the old pod/);
    expect(found[0]?.fix[0]).toContain('--accept downtime --reason');
  });

  test('a volume for many writers stops nothing', async () => {
    const podSpec = { containers: [{ name: 'app', image: NO_IMAGE }], volumes: [volume('data')] };
    await namespace.apply(claim('data', 'ReadWriteMany'), deployment({ podSpec }));
    expect(said(await ask(namespace), 'downtime')).toEqual([]);
  });

  test('a StatefulSet loses one of its pods meanwhile, and its only one is a gap', async () => {
    await namespace.apply(statefulSet(3));
    const asked = { workload: 'statefulset/api' };
    expect(said(await ask(namespace, asked), 'capacity').join()).toContain(
      'warn statefulset/api: 2 of 3 pods serve',
    );
    expect(said(await ask(namespace, asked), 'platform')[1]).toContain('ok A target pod');
    await namespace.patch('statefulset/api', { spec: { replicas: 1 } });
    expect(said(await ask(namespace, asked), 'downtime').join()).toMatch(
      /^fail! statefulset\/api does not serve/,
    );
  });

  test('pods that no node takes, budgets and long connections are said and stop nothing', async () => {
    const podSpec = {
      containers: [{ name: 'app', image: NO_IMAGE }],
      nodeSelector: { 'rda.invalid/none': 'x' },
    };
    await namespace.apply(deployment({ podSpec }), budget(), service());
    await until(async () =>
      said(await ask(namespace), 'capacity').some((text) => text.startsWith('warn 1 pod is')),
    );
    const findings = await ask(namespace);
    expect(said(findings, 'capacity').join('\n')).toContain('warn No node seems to have room for 1 more pod');
    expect(said(findings, 'capacity').join('\n')).toContain(
      'ok poddisruptionbudget/api covers deployment/api',
    );
    expect(said(findings, 'platform').join('\n')).toMatch(
      /warn deployment\/api seems to hold long connections.*port 80 is named ws.*port 81 speaks kubernetes.io\/h2c.*up to 30 s/,
    );
    expect(findings.filter(({ blocking }) => blocking)).toEqual([]);
  });

  test('every missing right is found, and every look that failed says so for itself', async () => {
    const podSpec = { containers: [{ name: 'app', image: NO_IMAGE }], volumes: [volume('data')] };
    await namespace.apply(claim('data', 'ReadWriteOnce'), deployment({ podSpec }));
    const role = rbacManifest({ namespace: namespace.name, features: ['core', 'journal', 'leases'] });
    const user = await limitedUser(namespace, role);
    tidy.push(() => user.dispose());
    const cluster = await connectWith(user.kubeconfig, namespace.name);
    const findings = await ask(namespace, { cluster });
    const [missing] = findings.filter(({ check, status }) => check === 'rights' && status === 'fail');
    expect(missing?.evidence).toEqual(['patch deployments.apps']);
    expect(missing?.fix).toEqual([
      `rollback-deploy-auto init --rbac -n ${namespace.name} | kubectl apply -f -`,
    ]);
    const warned = findings.filter(({ check, status }) => check === 'rights' && status === 'warn');
    expect(warned.map(({ title }) => title).join('\n')).toContain('a drain takes its stated bound');
    const unknown = findings.filter(({ status }) => status === 'unknown').map(({ title }) => title);
    expect(unknown).toEqual([
      'The change of deployment/api: not tried, the right is missing',
      'A target pod of deployment/api: not tried, the right is missing',
      'Room in the quota: not known',
      'Disruption budgets: not known',
      'deployment/api: whether the volume claim data may have two writers is not known',
      'Whether an HPA scales the workload: not known',
    ]);
    const stops = findings.filter(({ blocking }) => blocking).map(({ check }) => check);
    expect(stops).toEqual(['rights', 'downtime']);
  });

  test('an API server that does not answer makes every look unknown, and none of them ok', async () => {
    await namespace.apply(deployment());
    const gone = await connectWith(await kubeconfigToNowhere(namespace), namespace.name);
    const findings = await ask(namespace, {
      cluster: gone,
      more: { needs: neededRights({ kinds: ['deployment'] }).slice(0, 1) },
    });
    expect(new Set(findings.map(({ status }) => status))).toEqual(new Set(['unknown']));
  });
});

async function kubeconfigToNowhere(namespace: TestNamespace): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'rda-nowhere-')), 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
    users: [{ name: 'c', user: {} }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'c', namespace: namespace.name } }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

async function quotaCounts(namespace: TestNamespace, key: string, used: string): Promise<void> {
  await until(async () => {
    const { status } = await namespace.get<{ status?: { used?: Record<string, string> } }>('resourcequota/q');
    return status?.used?.[key] === used;
  });
}

async function quotaIs(namespace: TestNamespace, key: string, hard: string): Promise<void> {
  await until(async () => {
    const { status } = await namespace.get<{ status?: { hard?: Record<string, string> } }>('resourcequota/q');
    return status?.hard?.[key] === hard;
  });
}

function quota(hard: Record<string, string>): Manifest {
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } };
}

function volume(name: string) {
  return { name, persistentVolumeClaim: { claimName: name } };
}

function claim(name: string, mode: string): Manifest {
  const spec = { accessModes: [mode], storageClassName: 'none', resources: { requests: { storage: '1Mi' } } };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec };
}

function statefulSet(replicas: number): Manifest {
  const labels = { app: 'api' };
  const container = { name: 'app', image: NO_IMAGE, volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'api' },
    spec: {
      replicas,
      serviceName: 'api',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claim('data', 'ReadWriteOnce').spec }],
    },
  };
}

function budget(): Manifest {
  const spec = { minAvailable: 1, selector: { matchLabels: { app: 'api' } } };
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'api' }, spec };
}

function service(): Manifest {
  const ports = [
    { name: 'ws', port: 80 },
    { name: 'two', port: 81, appProtocol: 'kubernetes.io/h2c' },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'api' },
    spec: { selector: { app: 'api' }, ports },
  };
}

function webhook(namespace: string, { url, caBundle }: { url: string; caBundle?: string }): Manifest {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: namespace },
    webhooks: [
      {
        name: 'shy.rda.invalid',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        timeoutSeconds: 2,
        clientConfig: { url, caBundle },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  };
}

/** Denies every dry run, as a webhook does that has to count what it admits. */
async function shyWebhook() {
  const folder = await mkdtemp(join(tmpdir(), 'rda-webhook-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '1'];
  await runProcess('openssl', [...made, ...names]);
  const certificate = await readFile(cert);
  const server = createServer({ key: await readFile(key), cert: certificate }, async (request, response) => {
    const { request: review } = JSON.parse(await text(request)) as {
      request: { uid: string; dryRun: boolean };
    };
    const status = { message: 'this policy counts pods and cannot be tried as a dry-run' };
    const answer = { uid: review.uid, allowed: !review.dryRun, status };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}/`,
    caBundle: certificate.toString('base64'),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}
