import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PodTemplate } from '../../src/kubernetes/objects.ts';
import type { RunRecord } from '../../src/model/record.ts';
import type { Load } from './load.ts';
import type { Manifest } from './manifests.ts';
import { until } from './namespace.ts';
import { ensureReconcilerKinds, type Flavour, type ReconcilerLoop, reconcilerLoop } from './owners-loop.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { runProcess } from './run-process.ts';

if (!hasCluster) console.warn('SKIPPED: reconcilers beside a run. Set KUBECONFIG and REGISTRY to run it.');

/** `npm run matrix` sets 10. */
const MINUTES = Number(process.env.RECONCILER_MINUTES ?? 1);
const TIME = { timeout: 180_000 + MINUTES * 60_000 };
const FLAVOURS: Flavour[] = ['argo-cd', 'flux'];
const AUTOMATED = { prune: true, selfHeal: true };

describe.skipIf(!hasCluster)(
  'a reconciler that declares the bad release, played by a faithful loop',
  TIME,
  () => {
    const rows: Row[] = [];
    beforeAll(() => ensureReconcilerKinds());
    afterAll(async () => {
      await Promise.all(
        rows.map(async ({ rig, load, loop }) => {
          await loop.stop();
          await load?.stop();
          await rig.dispose();
        }),
      );
    });

    async function start(flavour: Flavour): Promise<Row> {
      const rig = await kubernetesRig();
      await rig.patch(rig.target, { metadata: marksOf(flavour, rig.namespace) });
      await rig.apply(declared(flavour, rig.namespace));
      const { template } = (await rig.get<Workload>(rig.target)).spec;
      const row = { rig, flavour, loop: reconcilerLoop(rig, flavour, template) };
      rows.push(row);
      return row;
    }

    for (const flavour of FLAVOURS) {
      it(`${flavour}: puts the bad release back where nobody suspends it`, async () => {
        const { rig, loop } = await start(flavour);
        await rig.kubectl(['rollout', 'undo', rig.target]);
        await until(() => loop.applied > 0);
        await rig.settled();
        expect(await images(rig)).toEqual(Array(3).fill('v2.14.4'));
        await loop.stop();
        if (flavour === 'argo-cd') await expectPatch(rig);
      });

      it(`${flavour}: suspended by the run`, async () => {
        const row = await start(flavour);
        row.load = await row.rig.load({ rate: 100 });
        const ended = await (await startRun(row.rig)).ended;
        expect([ended.exit, ended.stderr]).toEqual([0, expect.any(String)]);
        expect(ended.stdout).toContain('puts back what git says: it will be suspended');
        await expectServing(row, ended.stdout);
      });

      it(`${flavour}: so too where the client is killed in the middle and another one resumes`, async () => {
        const row = await start(flavour);
        const { rig, loop } = row;
        row.load = await rig.load({ rate: 100 });
        const client = await startRun(rig);
        await until(() => {
          if (client.child.exitCode !== null) throw new Error(`It ended before.\n${client.stderr()}`);
          return /admit-pods:deployment\/api:1\/3:\S+ done/.test(client.stderr());
        });
        client.child.kill('SIGKILL');
        await client.ended;
        // While no client is there.
        await loop.rounds(2);
        const second = await rig.rda(['resume', '--namespace', rig.namespace, '--yes']);
        expect([second.exit, second.stderr]).toEqual([0, expect.any(String)]);
        await expectServing(row, second.stdout);
      });
    }

    it(`v2.14.3 serves ${MINUTES} min after each of these runs, and nobody fought`, async () => {
      const ended = rows.flatMap(({ endedAtMs }) => endedAtMs ?? []);
      expect(ended).toHaveLength(2 * FLAVOURS.length);
      await wait(Math.max(...ended) + MINUTES * 60_000 - Date.now());
      for (const row of rows) if (row.endedAtMs !== undefined) await expectLeftInPeace(row);
    });
  },
);

interface Row {
  rig: KubernetesRig;
  flavour: Flavour;
  loop: ReconcilerLoop;
  load?: Load;
  /** When its run had ended well, and how often the loop had written the Deployment until then. */
  endedAtMs?: number;
  applied?: number;
}

function startRun(rig: KubernetesRig) {
  return rig.startRda([
    ...[rig.target, '--namespace', rig.namespace, '--version', 'v2.14.3', '--strategy', 'rolling'],
    ...['--yes', '--reason', 'errors since 10:20', '--monitor', '0'],
  ]);
}

async function images(rig: KubernetesRig): Promise<string[]> {
  return (await rig.list<Pod>('pods', '--selector', 'app=api')).map(
    ({ spec }) => spec.containers[0]?.image.split(':').at(-1) ?? '',
  );
}

/** With `git-revert` it is refused, and the patch that is written for a clone of its repository brings the target. */
async function expectPatch(rig: KubernetesRig): Promise<void> {
  const clone = await mkdtemp(join(tmpdir(), 'rda-clone-'));
  const git = async (...args: string[]) => (await runProcess('git', ['-C', clone, ...args])).stdout.trim();
  const file = join(clone, 'deploy', 'api.yaml');
  const commit = async (version: string) => {
    await writeFile(file, `image: ${(await rig.image(version)).reference}\n`);
    await git('add', 'deploy');
    await git('commit', '--quiet', '--message', version);
    return git('rev-parse', 'HEAD');
  };
  try {
    await git('init', '--quiet');
    await git('config', 'user.name', 'Ann');
    await git('config', 'user.email', 'ann@example.com');
    await mkdir(join(clone, 'deploy'));
    await commit('v2.14.3');
    const revision = await commit('v2.14.4');
    // kubectl's undo takes the annotations of the Deployment back, too.
    await rig.patch(rig.target, { metadata: marksOf('argo-cd', rig.namespace) });
    await rig.patch(objectOf('argo-cd'), { status: { sync: { revision } } });
    const platform = `{ kind: kubernetes, namespace: ${rig.namespace}, workloads: [${rig.target}], reconciler: git-revert }`;
    await writeFile(
      join(clone, 'rollback.yaml'),
      `services: { api: { platform: ${platform}, registry: { kind: distribution } } }\n`,
    );
    const refused = await rig.rda(['--version', 'v2.14.3', '--yes', '--monitor', '0'], { cwd: clone });
    expect([refused.exit, refused.stderr]).toEqual([4, expect.stringContaining('git has to be reverted')]);
    const [, patch = ''] = /git am (\S+\.patch)/.exec(refused.stderr) ?? [];
    await git('am', '--quiet', patch);
    expect(await readFile(file, 'utf8')).toContain(`${(await rig.image('v2.14.3')).reference}\n`);
  } finally {
    await rm(clone, { recursive: true });
  }
}

/** No request was lost, and it is said what stays suspended and how it is resumed. */
async function expectServing(row: Row, stdout: string): Promise<void> {
  const { rig, flavour, loop } = row;
  row.endedAtMs = Date.now();
  row.applied = loop.applied;
  const report = await row.load?.stop();
  expect([report?.failed, report?.reasons]).toEqual([0, {}]);
  const shown = await rig.rda(['show', 'last', rig.target, '-n', rig.namespace, '--output', 'json']);
  const [left, ...others] = (JSON.parse(shown.stdout) as RunRecord).reconcilers;
  expect(others).toEqual([]);
  expect(left).toMatchObject({ resumed: false, fix: expect.stringContaining(RESUME[flavour]) });
  expect(stdout).toContain(`${left?.name} stays suspended: ${left?.why}\n  ${left?.fix}`);
}

const RESUME = {
  'argo-cd': 'argocd app set shop --sync-policy automated',
  flux: 'flux resume kustomization shop',
};

/** The good release serves, nobody wrote it since the end of the run, and the object says why it rests. */
async function expectLeftInPeace({ rig, flavour, loop, applied }: Row): Promise<void> {
  expect(await images(rig)).toEqual(Array(3).fill('v2.14.3'));
  expect(loop.applied).toBe(applied);
  const { metadata, spec } = await rig.get<Reconciled>(objectOf(flavour));
  if (flavour === 'flux') expect(spec.suspend).toBe(true);
  else expect(spec.syncPolicy).toEqual({ syncOptions: ['CreateNamespace=true'] });
  const suspended = JSON.parse(metadata.annotations?.['rollback-deploy-auto/suspended'] ?? 'null');
  expect(suspended).toMatchObject({
    run: expect.stringMatching(/^r-/),
    by: expect.any(String),
    why: expect.stringContaining('errors since 10:20'),
    left: expect.any(String),
    before: flavour === 'flux' ? null : AUTOMATED,
  });
}

interface Workload {
  spec: { template: PodTemplate };
}

interface Pod {
  spec: { containers: { image: string }[] };
}

interface Reconciled {
  metadata: { annotations?: Record<string, string> };
  spec: { suspend?: boolean; syncPolicy?: object };
}

function objectOf(flavour: Flavour): string {
  return flavour === 'argo-cd'
    ? 'applications.argoproj.io/shop'
    : 'kustomizations.kustomize.toolkit.fluxcd.io/shop';
}

/** What the reconciler writes on the objects that are its. */
function marksOf(flavour: Flavour, namespace: string): object {
  if (flavour === 'argo-cd') {
    const tracking = `${namespace}_shop:apps/Deployment:${namespace}/api`;
    return { annotations: { 'argocd.argoproj.io/tracking-id': tracking } };
  }
  const group = 'kustomize.toolkit.fluxcd.io';
  return { labels: { [`${group}/name`]: 'shop', [`${group}/namespace`]: namespace } };
}

function declared(flavour: Flavour, namespace: string): Manifest {
  if (flavour === 'flux') {
    return {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'shop' },
      spec: { path: './deploy', sourceRef: { kind: 'GitRepository', name: 'shop' } },
    };
  }
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'shop' },
    spec: {
      destination: { namespace },
      source: { repoURL: 'https://git.example.com/shop.git', path: 'deploy', targetRevision: 'main' },
      syncPolicy: { automated: AUTOMATED, syncOptions: ['CreateNamespace=true'] },
    },
  };
}
