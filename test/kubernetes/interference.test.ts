import { afterEach, describe, expect, it } from 'vitest';
import { expectServing, takeBefore } from './good-end.ts';
import type { Load, LoadResult } from './load.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig, type RigOptions } from './rig.ts';
import type { ProcessResult, RunningProcess } from './run-process.ts';

if (!hasCluster) console.warn('SKIPPED: interference in a cluster. Set KUBECONFIG and REGISTRY to run it.');

const OLD = 'v2.14.4';
const TARGET = 'v2.14.3';
const FIRST_ADMITTED = /admit-pods:deployment\/api:1\/\d+:\S+ done/;
const FIRST_DRAINED = /drain-pods:deployment\/api:1\/\d+:\S+ done/;
/** From a pod's end until the node's proxy has heard of it: plain Kubernetes loses what is sent to it meanwhile. */
const LOST_WITH_POD_MS = 2_500;

describe.skipIf(!hasCluster)(
  'somebody interferes in the middle of a rolling run under load',
  { timeout: 180_000 },
  () => {
    let rig: KubernetesRig;
    let load: Load;
    afterEach(async () => {
      await load?.stop();
      await rig?.dispose();
    });

    async function start(options: RigOptions = {}) {
      rig = await kubernetesRig(options);
      load = await rig.load({ rate: 150 });
      const before = await takeBefore(rig, TARGET);
      const client = await rig.startRda([
        ...[rig.target, '--namespace', rig.namespace, '--version', TARGET],
        ...['--strategy', 'rolling', '--yes', '--monitor', '0'],
      ]);
      return { before, client };
    }

    const said = (client: RunningProcess, what: RegExp) =>
      until(() => {
        if (client.child.exitCode !== null) throw new Error(`It ended before.\n${client.stderr()}`);
        return what.test(client.stderr());
      });

    const pods = async (version: string) => {
      const { reference } = await rig.image(version);
      const all = await rig.list<Pod>('pods', '--selector', 'app=api');
      return all.filter(
        ({ metadata, spec }) =>
          metadata.deletionTimestamp === undefined && spec.containers[0]?.image === reference,
      );
    };
    const serving = async (version: string) =>
      (await pods(version)).filter(({ metadata }) => metadata.labels?.['rollback-deploy-auto/serving']);

    /** Ends a pod as a drained node does. */
    async function evict(pod: Pod | undefined): Promise<number> {
      const { name } = (pod as Pod).metadata;
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
      const path = `/api/v1/namespaces/${rig.namespace}/pods/${name}/eviction`;
      await rig.kubectl(['create', '--raw', path, '--filename', '-'], { input: JSON.stringify(eviction) });
      return Date.now();
    }

    async function remove(pod: Pod | undefined): Promise<number> {
      await rig.kubectl(['delete', 'pod', (pod as Pod).metadata.name, '--wait=false', '--ignore-not-found']);
      return Date.now();
    }

    /** The target serves, whole and alone, and nothing of the run is left. */
    async function expectGoodEnd(
      run: ProcessResult,
      { before }: Awaited<ReturnType<typeof start>>,
      { replicas = 3, lostFrom = [] }: { replicas?: number; lostFrom?: number[] } = {},
    ) {
      expect([run.exit, run.stderr]).toEqual([0, expect.any(String)]);
      expect(run.stdout).toContain(`Rollback to ${TARGET} completed`);
      await expectServing(rig, TARGET, before, replicas);
      expect(failuresOutside(await load.stop(), lostFrom)).toEqual([]);
    }

    const EDITS: [string, () => Promise<unknown>][] = [
      ['edits the template', () => rig.kubectl(['set', 'env', rig.target, 'EDITED=yes'])],
      ['deploys a newer version', () => rig.startDeploy('v2.14.5')],
      ['deploys the version again that the run goes back from', () => rig.startDeploy(OLD)],
    ];
    for (const [name, edit] of EDITS) {
      it(`${name}: the run stops while it serves, and resumed it finishes`, async () => {
        const run = await start();
        await said(run.client, FIRST_ADMITTED);
        const lostFrom = [Date.now()];
        await edit();
        const ended = await run.client.ended;
        expect([ended.exit, ended.stderr]).toEqual([
          3,
          expect.stringMatching(/Production changed meanwhile/),
        ]);
        expect(ended.stdout + ended.stderr).toContain('rollback-deploy-auto resume');
        const second = await rig.rda(['resume', '--namespace', rig.namespace, '--yes']);
        // The edit itself makes the controller end the new pods that serve, as in plain Kubernetes.
        await expectGoodEnd(second, run, { lostFrom });
      });
    }

    for (const replicas of [5, 2]) {
      it(`scales from 3 to ${replicas}: the count stays theirs`, async () => {
        const run = await start();
        await said(run.client, FIRST_ADMITTED);
        // The controller ends one at once where there are to be fewer: of those that drain, if there are such.
        const lostFrom = replicas < 3 ? [Date.now()] : [];
        await rig.kubectl(['scale', rig.target, '--replicas', `${replicas}`]);
        await expectGoodEnd(await run.client.ended, run, { replicas, lostFrom });
      });
    }

    it('deletes an old pod that serves: nothing is lost but what that pod loses in plain Kubernetes', async () => {
      const run = await start();
      await said(run.client, FIRST_ADMITTED);
      const lostFrom = [await remove((await serving(OLD))[0])];
      await expectGoodEnd(await run.client.ended, run, { lostFrom });
    });

    it('deletes a new pod that serves: nothing is lost but what that pod loses in plain Kubernetes', async () => {
      const run = await start();
      await said(run.client, FIRST_ADMITTED);
      const lostFrom = [await remove((await serving(TARGET))[0])];
      await expectGoodEnd(await run.client.ended, run, { lostFrom });
    });

    it('deletes a new pod that does not serve yet: nothing is lost', async () => {
      const run = await start();
      await until(async () => (await pods(TARGET)).length > 0);
      await remove((await pods(TARGET))[0]);
      await expectGoodEnd(await run.client.ended, run);
    });

    it('deletes a drained pod: nothing is lost', async () => {
      const run = await start();
      type OldPod = Awaited<ReturnType<typeof pods>>[number];
      const since = ({ metadata }: OldPod) => metadata.annotations?.['rollback-deploy-auto/out-since'] ?? '';
      // The first that leaves: before it has drained, another one may have begun to.
      let first: OldPod | undefined;
      await until(async () => {
        const leaving = (await pods(OLD)).filter((pod) => since(pod) !== '');
        [first] = leaving.sort((a, b) => (since(a) < since(b) ? -1 : 1));
        return first !== undefined;
      });
      await said(run.client, FIRST_DRAINED);
      await remove(first);
      await expectGoodEnd(await run.client.ended, run);
    });

    it('moves minReplicas and maxReplicas of an HPA: the count stays the autoscaler’s', async () => {
      const run = await start({ replicas: 6 });
      await rig.apply(autoscaler(6, 8));
      await said(run.client, FIRST_ADMITTED);
      await rig.patch('hpa/api', { spec: { minReplicas: 7, maxReplicas: 7 } });
      const ended = await run.client.ended;
      // The controller looks every 15 s, so it may be after the run.
      await until(
        async () => (await rig.get<{ spec: { replicas: number } }>(rig.target)).spec.replicas === 7,
      );
      await expectGoodEnd(ended, run, { replicas: 7 });
    });

    it('drains the node while the client is dead: what is born in place of an old pod serves, and resume finishes', async () => {
      const run = await start();
      await said(run.client, FIRST_ADMITTED);
      run.client.child.kill('SIGKILL');
      expect((await run.client.ended).exit).toBe(137);
      const there = (await serving(OLD)).length;
      const lostFrom = [await evict((await serving(OLD))[0])];
      // Nobody labels it: its ReplicaSet does.
      await until(async () => (await serving(OLD)).filter(isReady).length === there);
      lostFrom.push(await evict((await serving(OLD))[0]));
      await until(async () => (await serving(OLD)).filter(isReady).length === there);
      const second = await rig.rda(['resume', '--namespace', rig.namespace, '--yes']);
      await expectGoodEnd(second, run, { lostFrom });
    });

    it('drains the node while the client works', async () => {
      const run = await start();
      await said(run.client, FIRST_ADMITTED);
      const lostFrom = [await evict((await serving(OLD))[0]), await evict((await serving(TARGET))[0])];
      await expectGoodEnd(await run.client.ended, run, { lostFrom });
    });
  },
);

interface Pod {
  metadata: {
    name: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: { containers: { image: string }[] };
  status: { conditions?: { type: string; status: string }[] };
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

/** Those that no pod that somebody else ended explains. */
function failuresOutside({ failed, failures }: LoadResult, from: number[]): unknown[] {
  // Beyond these the load keeps no single ones.
  if (failed > failures.length) return [`${failed} failed`];
  return failures.filter(
    ({ atMs, sentAtMs }) => !from.some((at) => atMs >= at - 1_000 && sentAtMs <= at + LOST_WITH_POD_MS),
  );
}

function autoscaler(minReplicas: number, maxReplicas: number) {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'api' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' },
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
        },
      ],
    },
  };
}
