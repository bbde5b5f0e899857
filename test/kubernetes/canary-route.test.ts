import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { comparable } from './comparable.ts';
import { type Gateway, hasGatewayApi, installHttpRoutes, routeManifest, startGateway } from './gateway.ts';
import { leftBehind } from './left-behind.ts';
import type { LimitedUser } from './limited-user.ts';
import { serviceManifest } from './manifests.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { killedOnceItSays } from './run-process.ts';

const GOOD = 'v2.14.3';
const CANARY = 'v2.14.4';
const CANARY_TARGET = 'deployment/api-canary';
const WEIGHTS: [number, number][] = [
  [3, 1],
  [50, 50],
];
const SHIFTED = [
  [4, 0],
  [100, 0],
];

describe.skipIf(!hasCluster || !hasGatewayApi)('a canary with a Service of its own, by weights', () => {
  let rig: KubernetesRig;
  let user: LimitedUser;
  let gateway: Gateway;
  beforeAll(async () => {
    await installHttpRoutes();
    const selector = { app: 'api', track: 'stable' };
    rig = await kubernetesRig({ versions: [GOOD], labels: { track: 'stable' }, selector, replicas: 2 });
    await rig.apply(serviceManifest('api-canary', { app: 'api', track: 'canary' }));
    const labels = { track: 'canary' };
    await rig.add({ name: 'api-canary', app: 'api', labels, versions: [CANARY], replicas: 2 });
    await rig.apply(routeManifest('api', ['api', 'api-canary'], WEIGHTS));
    user = await rig.limitedUser((await rig.rda(['init', '--rbac', '-n', rig.namespace])).stdout);
    gateway = await startGateway(rig.namespace, 'api');
  });
  afterAll(async () => {
    await gateway?.stop();
    await rig?.dispose();
  });
  beforeEach(async () => {
    await rig.kubectl(['scale', CANARY_TARGET, '--replicas', '2']);
    await rig.settled(CANARY_TARGET);
    await rig.patch('httproute/api', routeManifest('api', ['api', 'api-canary'], WEIGHTS));
    await until(reported);
  });

  it('leaves without a failed request, under the least Role, and its weight stays 0', async () => {
    const before = await everything();
    const stable = await podNames('track=stable');
    const load = await begin();
    const run = await rig.rda(argumentsFor(), { env: { KUBECONFIG: user.kubeconfig } });
    const endedAtMs = Date.now();
    // Later ones tell whether anything still goes to the canary.
    const atEnd = (await load.soFar()).sent;
    await until(async () => (await load.soFar()).sent > atEnd + 300);
    const end = await load.stop();
    expect(run.stderr + run.stdout).toContain(`Rollback to ${GOOD} completed`);
    expect(run.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(Object.keys(end.versions).sort()).toEqual([GOOD, CANARY]);
    expect(end.versions[CANARY]?.lastSentAtMs).toBeLessThan(endedAtMs);
    expect(await weights()).toEqual(SHIFTED);
    expect(await replicas()).toBe(0);
    expect(await podNames('track=stable')).toEqual(stable);
    expect(await marks()).toEqual([]);
    expect((await everything()).services).toEqual(before.services);
  });

  it('is gone as well where the client was killed in the middle, and another one resumed', async () => {
    const load = await begin();
    await killedOnce(/shift-weights:\S+ done/);
    expect(await weights()).toEqual(SHIFTED);
    const resumed = await rig.rda(['resume', rig.target, '-n', rig.namespace, '--yes']);
    const end = await load.stop();
    expect([resumed.exit, resumed.stdout]).toEqual([0, expect.stringContaining(GOOD)]);
    expect(end.reasons).toEqual({});
    expect([await weights(), await replicas(), await marks()]).toEqual([SHIFTED, 0, []]);
  });

  it('has its weights and pods again where the run is aborted once it is gone', async () => {
    const before = await everything();
    const load = await begin();
    await killedOnce(/scale-workload:\S+ done/);
    const aborted = await rig.rda(['abort', rig.target, '-n', rig.namespace, '--yes']);
    const end = await load.stop();
    expect([aborted.exit, aborted.stderr]).toEqual([0, expect.not.stringContaining('conflict')]);
    expect(end.reasons).toEqual({});
    expect(await everything()).toEqual(before);
    expect(await marks()).toEqual([]);
  });

  it('is aborted before its pods drain with only the weights to put back', async () => {
    const before = await everything();
    const load = await begin();
    await killedOnce(/shift-weights:\S+ done/);
    const aborted = await rig.rda(['abort', rig.target, '-n', rig.namespace, '--yes']);
    const end = await load.stop();
    expect([aborted.exit, end.reasons]).toEqual([0, {}]);
    expect(await everything()).toEqual(before);
    expect(await marks()).toEqual([]);
  });

  it('doctor tells what a lost run left on the route, and mends it', async () => {
    await killedOnce(/scale-workload:\S+ done/);
    await rig.kubectl(['delete', 'configmaps', '--selector', 'rollback-deploy-auto/kind']);
    const doctor = (...more: string[]) => rig.rda(['doctor', rig.target, '-n', rig.namespace, ...more]);
    expect((await doctor()).stdout).toContain('Left over: httproute/api has weights as a run set them');
    const mended = await doctor('--fix');
    expect(mended.stdout).toContain('[OK] Put back: httproute/api has weights as a run set them');
    expect(mended.exit).toBe(0);
    expect([await weights(), await replicas(), await marks()]).toEqual([SHIFTED, 0, []]);
  });

  function argumentsFor(): string[] {
    const what = [rig.target, '-n', rig.namespace, '--strategy', 'canary', '--version', GOOD];
    return [...what, '--yes', '--monitor', '0'];
  }

  /** Load through the gateway, once the canary has had a part of it. */
  async function begin() {
    const load = await rig.load({ url: gateway.url, rate: 150 });
    await until(async () => CANARY in (await load.soFar()).versions);
    return load;
  }

  async function killedOnce(step: RegExp): Promise<void> {
    await killedOnceItSays(await rig.startRda(argumentsFor()), step);
  }

  async function reported(): Promise<boolean> {
    const { metadata, status } = await rig.get<Route>('httproute/api');
    const seen = status?.parents?.[0]?.conditions[0]?.observedGeneration;
    return seen === metadata.generation;
  }

  async function weights(): Promise<number[][]> {
    const { spec } = await rig.get<Route>('httproute/api');
    return spec.rules.map(({ backendRefs }) => backendRefs.map(({ weight }) => weight));
  }

  async function replicas(): Promise<number> {
    return (await rig.get<{ spec: { replicas: number } }>(CANARY_TARGET)).spec.replicas;
  }

  /** As somebody configured it. */
  async function everything() {
    const services = await Promise.all(['api', 'api-canary'].map((name) => rig.get(`service/${name}`)));
    const workloads = await Promise.all([rig.get(rig.target), rig.get(CANARY_TARGET)]);
    return {
      services: services.map((one) => comparable(one)),
      workloads: workloads.map((one) => comparable(one)),
      route: comparable(await rig.get('httproute/api')),
    };
  }

  async function marks(): Promise<string[]> {
    const { metadata } = await rig.get('httproute/api');
    const keys = Object.keys(metadata.annotations ?? {}).filter((key) =>
      key.startsWith('rollback-deploy-auto'),
    );
    return [...(await leftBehind(rig)), ...keys];
  }

  async function podNames(selector: string): Promise<string[]> {
    const pods = await rig.list('pods', '--selector', selector);
    return pods.map(({ metadata }) => metadata.name).sort();
  }
});

interface Route {
  metadata: { generation: number };
  spec: { rules: { backendRefs: { weight: number }[] }[] };
  status?: { parents?: { conditions: { observedGeneration: number }[] }[] };
}
