import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { writerLock } from './writer-lock.ts';

describe.skipIf(!hasCluster)('the rig of the cluster tests', () => {
  let rig: KubernetesRig;
  beforeAll(async () => {
    rig = await kubernetesRig({ config: { 'config.json': '{"greeting":"hello"}' }, password: 'first' });
  });
  afterAll(() => rig?.dispose());

  it('serves the last version and keeps the one before as a ReplicaSet', async () => {
    const sets = await rig.list<ReplicaSet>('replicasets');
    const seen = sets.map(({ spec }) => [spec.template.spec.containers[0]?.image, spec.replicas]);
    const [old, current] = [await rig.image('v2.14.3'), await rig.image('v2.14.4')];
    expect(seen).toHaveLength(2);
    expect(seen).toContainEqual([old.reference, 0]);
    expect(seen).toContainEqual([current.reference, 3]);
    expect(old.digest).not.toBe(current.digest);
  });

  it('shows the configuration that each pod runs with', async () => {
    const seen = await rig.configurations();
    expect(seen).toHaveLength(3);
    for (const each of seen)
      expect(each).toMatchObject({
        version: 'v2.14.4',
        file: '{"greeting":"hello"}',
        password: 'first',
      });
  });

  it('loses no request at rest, and counts those that pods which end at once lose', async () => {
    const load = await rig.load({ rate: 100 });
    await wait(2000);
    const atRest = await load.soFar();
    expect(atRest.sent).toBeGreaterThan(100);
    expect(atRest.reasons).toEqual({});
    expect(Object.keys(atRest.versions)).toEqual(['v2.14.4']);

    await rig.kubectl(['delete', 'pods', '--selector', 'app=api']);
    await rig.settled();
    const end = await load.stop();
    expect(end.failed).toBeGreaterThan(0);
    expect(end.ok + end.failed).toBe(end.sent);
    expect(Object.values(end.reasons).reduce((sum, count) => sum + count, 0)).toBe(end.failed);
    expect(await load.stop()).toBe(end);
  });

  it('sees the moment from which on all traffic goes to one version', async () => {
    // The pods of the test before are ready; the EndpointSlices say so a moment later.
    const first = await rig.traffic();
    await until(
      () =>
        first
          .moments()
          .at(-1)
          ?.endpoints.filter(({ ready }) => ready).length === 3,
    );
    first.stop();
    const traffic = await rig.traffic();
    await until(() => traffic.allOnAtMs('v2.14.4') !== undefined);
    expect(traffic.fewestReady()).toBe(3);
    const before = Date.now();
    await rig.deploy('v2.14.3');
    expect(traffic.allOnAtMs('v2.14.4')).toBeUndefined();
    expect(traffic.allOnAtMs('v2.14.3')).toBeGreaterThan(before);
    expect(traffic.othersGoneAtMs('v2.14.3')).toBeGreaterThanOrEqual(
      traffic.allOnAtMs('v2.14.3') ?? Infinity,
    );
    expect(traffic.pods().filter(({ version, goneAtMs }) => version === 'v2.14.4' && goneAtMs)).toHaveLength(
      3,
    );
    traffic.stop();
  });

  it('compares objects by what someone configured', async () => {
    const before = await rig.configured();
    await rig.patch(rig.target, { spec: { minReadySeconds: 5 }, metadata: { annotations: { x: 'y' } } });
    expect(await rig.configured()).not.toEqual(before);
    await rig.patch(rig.target, { spec: { minReadySeconds: null }, metadata: { annotations: { x: null } } });
    expect(await rig.configured()).toEqual(before);
  });

  it('gives a login that may do what its Role says and no more', async () => {
    const { kubeconfig } = await rig.limitedUser(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [''], resources: [pods], verbs: [list] }]
`);
    const env = { KUBECONFIG: kubeconfig };
    await expect(rig.kubectl(['get', 'pods'], { env })).resolves.toMatchObject({ exit: 0 });
    await expect(rig.kubectl(['get', 'services'], { env })).rejects.toThrow(
      /forbidden.*system:serviceaccount/,
    );
  });

  it('tells WebSockets that were told to go from those that were cut', async () => {
    const load = await rig.load({ mode: 'websocket', rate: 50, connections: 6 });
    await wait(1000);
    expect(await load.soFar()).toMatchObject({ failed: 0, told: 0, cut: 0 });
    for (const pod of await rig.list('pods', '--selector', 'app=api'))
      await rig.kubectl([
        'get',
        '--raw',
        `/api/v1/namespaces/${rig.namespace}/pods/${pod.metadata.name}:8080/proxy/drain`,
      ]);
    await wait(500);
    const told = await load.soFar();
    expect(told.told).toBeGreaterThanOrEqual(6);
    expect(told.cut).toBe(0);
    await rig.kubectl(['delete', 'pods', '--selector', 'app=api']);
    await rig.settled();
    await expect.poll(async () => (await load.soFar()).ok, { timeout: 20_000 }).toBeGreaterThan(told.ok);
    await load.stop();
  });
});

describe.skipIf(!hasCluster)('writers that must be alone', () => {
  it('are seen when there are two', async () => {
    const lock = await writerLock();
    const env = { WRITER_LOCK: `http://$(HOST_IP):${lock.port}` };
    const rig = await kubernetesRig({ replicas: 1, versions: ['v2.14.4'], env });
    try {
      await expect.poll(() => lock.writers().length).toBe(1);
      expect(lock.clashes()).toEqual([]);
      await rig.kubectl(['scale', rig.target, '--replicas', '2']);
      await expect.poll(() => lock.clashes().length, { timeout: 20_000 }).toBeGreaterThan(0);
      expect(lock.clashes()[0]?.pods).toHaveLength(2);
    } finally {
      await rig.dispose();
      await lock.close();
    }
  });
});

interface ReplicaSet {
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
}
