import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind } from './left-behind.ts';
import { type Manifest, serviceManifest } from './manifests.ts';
import { until } from './namespace.ts';
import {
  hasRollouts,
  type RolloutObject,
  type RolloutRig,
  type RolloutTarget,
  rolloutRig,
} from './rollout-rig.ts';
import { killedOnceItSays } from './run-process.ts';

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
const BROKEN = 'v2.14.2-broken';
/** A canary of one pod that waits for a person, and then one that is promoted. */
const STEPS = [{ setWeight: 33 }, { pause: {} }];

describe.skipIf(!hasRollouts)('Argo Rollouts with their own controller', () => {
  let rig: RolloutRig;
  beforeAll(async () => {
    rig = await rolloutRig();
  });
  afterAll(() => rig?.dispose());

  it('a promoted canary goes back pod by pod without a failed request, its steps notwithstanding', async () => {
    const strategy = { canary: { steps: STEPS } };
    const api = await rig.rollout({ name: 'api', strategy, versions: [GOOD] });
    await api.deploy(BAD, 'Paused');
    await api.promote();
    const before = await api.get();
    const load = await api.load();
    await until(async () => (await load.soFar()).ok > 0);
    // With the rights of the Role that is shipped, and no more.
    const role = (await rig.rda(['init', '--rbac', '--namespace', rig.namespace])).stdout;
    const { kubeconfig } = await rig.limitedUser(role);
    const run = await rig.rda(argumentsFor(api), { env: { KUBECONFIG: kubeconfig } });
    const end = await load.stop();
    expect(run.stdout + run.stderr).toContain(`Rollback to ${GOOD} completed`);
    expect(run.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(await api.versions()).toEqual([GOOD, GOOD, GOOD]);
    await expectAsBefore(api, before);
  });

  it('a canary in progress is aborted and undone by two clients, the first one killed, without a failed request', async () => {
    const strategy = { canary: { steps: STEPS } };
    const api = await rig.rollout({ name: 'half', strategy, versions: [GOOD] });
    await api.deploy(BAD, 'Paused');
    const before = await api.get();
    const stable = await api.pods(GOOD);
    const shown = await rig.rda(['status', api.target, '-n', rig.namespace]);
    const load = await api.load();
    await until(async () => BAD in (await load.soFar()).versions);
    const running = await rig.startRda(argumentsFor(api));
    await until(async () => (await api.get()).spec.paused === true);
    running.child.kill('SIGKILL');
    await running.ended;
    const left = await api.get();
    const run = await rig.rda(['resume', api.target, '-n', rig.namespace, '--yes']);
    const end = await load.stop();
    expect(shown.stdout).toContain(BAD);
    expect(left.metadata.annotations).toHaveProperty(['rollback-deploy-auto/run']);
    expect(run.stdout + run.stderr).toContain(`Rollback to ${GOOD} completed`);
    expect(run.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(await api.versions()).toEqual([GOOD, GOOD, GOOD]);
    expect(await api.pods(GOOD)).toEqual(expect.arrayContaining(stable));
    expect((await api.get()).status.stableRS).toBe(before.status.stableRS);
    await expectAsBefore(api, before);
  });

  it('a canary that was aborted and undone comes back beside its stable pods where the run is aborted', async () => {
    const strategy = { canary: { steps: STEPS } };
    const api = await rig.rollout({ name: 'back', strategy, versions: [GOOD] });
    await api.deploy(BAD, 'Paused');
    const before = await api.get();
    const load = await api.load();
    await until(async () => BAD in (await load.soFar()).versions);
    await killedOnceItSays(await rig.startRda(argumentsFor(api)), /stop-pods:\S+ done/);
    expect(await api.versions()).toEqual([GOOD, GOOD, GOOD]);
    const run = await rig.rda(['abort', api.target, '-n', rig.namespace, '--yes']);
    const end = await load.stop();
    expect(run.stdout).toContain(`2 pods of ${GOOD} and 1 pod of ${BAD} serve`);
    expect(run.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(await api.versions()).toEqual([GOOD, GOOD, BAD]);
    await expectAsBefore(api, before, 'Paused');
  });

  it('a target that does not start leaves every pod as it was', async () => {
    const strategy = { canary: { maxSurge: 1, maxUnavailable: 0 } };
    const api = await rig.rollout({ name: 'broken', strategy, versions: [GOOD] });
    await api.deploy(BROKEN, 'Progressing');
    await api.deploy(BAD);
    const before = await api.get();
    const pods = await api.pods(BAD);
    const load = await api.load();
    await until(async () => (await load.soFar()).ok > 0);
    const run = await rig.rda(argumentsFor(api, BROKEN));
    const end = await load.stop();
    expect(run.stderr).toContain('POD_CRASHED');
    expect(run.exit).toBe(1);
    expect(end.reasons).toEqual({});
    expect(await api.pods(BAD)).toEqual(pods);
    expect((await api.get()).status.stableRS).toBe(before.status.stableRS);
    await expectAsBefore(api, before);
  });

  it('a blue-green one is undone and promoted without a failed request, and a preview is aborted', async () => {
    const strategy = {
      blueGreen: {
        activeService: 'web',
        autoPromotionEnabled: false,
        previewReplicaCount: 1,
        scaleDownDelaySeconds: 5,
      },
    };
    const web = await rig.rollout({ name: 'web', strategy, versions: [GOOD] });
    await web.deploy(BAD, 'Paused');
    await web.promote();
    const before = await web.get();
    const [load, traffic] = await Promise.all([web.load(), web.traffic()]);
    await until(async () => (await load.soFar()).ok > 0);
    const run = await rig.rda(argumentsFor(web));
    const end = await load.stop();
    traffic.stop();
    expect(run.stdout + run.stderr).toContain(`Rollback to ${GOOD} completed`);
    expect(run.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(Object.keys(end.versions).sort()).toEqual([GOOD, BAD]);
    expect(traffic.allOnAtMs(GOOD)).toBeDefined();
    await expectAsBefore(web, before);

    await web.deploy(BAD, 'Paused');
    const preview = await rig.rda(argumentsFor(web));
    expect(preview.stdout + preview.stderr).toContain(`Rollback to ${GOOD} completed`);
    expect(preview.exit).toBe(0);
    await expectAsBefore(web, before);
    const named = await rig.rda([...argumentsFor(web, BAD), '--strategy', 'instant']);
    expect(named.exit).toBe(2);
    expect(named.stderr).toContain('--strategy blue-green');
  });

  it('a canary behind a router goes back in progress and promoted, and its own controller moves the weights', async () => {
    const strategy = {
      canary: {
        steps: STEPS,
        stableService: 'routed',
        canaryService: 'routed-canary',
        trafficRouting: { nginx: { stableIngress: 'routed' } },
      },
    };
    const beside = [serviceManifest('routed-canary', { app: 'routed' }), ingressManifest('routed')];
    const routed = await rig.rollout({ name: 'routed', strategy, versions: [GOOD], beside });
    await routed.deploy(BAD, 'Paused');
    const before = await routed.get();
    const half = await rig.rda(argumentsFor(routed));
    expect(half.stdout + half.stderr).toContain(`Rollback to ${GOOD} completed`);
    expect(before.status.canary?.weights?.canary.weight).toBe(33);
    expect((await routed.get()).status.canary?.weights?.canary.weight ?? 0).toBe(0);
    await expectAsBefore(routed, before);

    await routed.deploy(BAD, 'Paused');
    await routed.promote();
    const load = await routed.load();
    await until(async () => (await load.soFar()).ok > 0);
    const run = await rig.rda(argumentsFor(routed));
    const end = await load.stop();
    expect(run.stdout + run.stderr).toContain(`Rollback to ${GOOD} completed`);
    expect(run.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(Object.keys(end.versions).sort()).toEqual([GOOD, BAD]);
    await expectAsBefore(routed, before);
  });

  function argumentsFor({ target }: RolloutTarget, version = GOOD): string[] {
    return [target, '-n', rig.namespace, '--version', version, '--yes', '--monitor', '0'];
  }

  /** Everything but the template, the version and what counts up is as somebody configured it. */
  async function expectAsBefore(target: RolloutTarget, before: RolloutObject, phase = 'Healthy') {
    const { spec } = await target.get();
    const { template: _, ...now } = spec;
    const { template: __, ...then } = before.spec;
    expect(now).toEqual(then);
    await until(async () => (await target.get()).status.phase === phase);
    const { status } = await target.get();
    if (phase === 'Paused') expect(status).toMatchObject(hashesOf(before));
    else expect(status.stableRS).toBe(status.currentPodHash);
    expect(await leftBehind(rig)).toEqual([]);
  }
});

/** What a router would read; its controller writes a second one for the canary's share. */
function ingressManifest(name: string): Manifest {
  const backend = { service: { name, port: { number: 80 } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name },
    spec: {
      ingressClassName: 'nginx',
      rules: [{ host: 'api.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    },
  };
}

function hashesOf({ status }: RolloutObject) {
  return { stableRS: status.stableRS, currentPodHash: status.currentPodHash };
}
