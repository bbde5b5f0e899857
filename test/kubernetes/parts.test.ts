import { describe, expect, it } from 'vitest';
import { expandMove, surroundMoves } from '../../src/adapters/platform/kubernetes/expand.ts';
import { factsOf } from '../../src/adapters/platform/kubernetes/facts.ts';
import { findPair } from '../../src/adapters/platform/kubernetes/pair/find-pair.ts';
import type { KubernetesSettings } from '../../src/adapters/platform/kubernetes/settings.ts';
import type { WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';
import { buildPlan, buildReturnPlan } from '../../src/engine/plan.ts';
import type { PlatformFacts } from '../../src/model/facts.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Release } from '../../src/model/release.ts';

const OLD = 'v1';
const NEW = 'v2';

describe('the plan of a service of several workloads', () => {
  it('begins nothing of the next before the one before it is put back', () => {
    const plan = planOf(factsWith([deployment('api', 3), statefulSet('db', 2), deployment('worker', 1)]));
    for (const step of stepsOf(plan, 'statefulset/db')) {
      expect(precedents(plan, step.id)).toContain('put-back:deployment/api');
    }
    for (const step of stepsOf(plan, 'deployment/worker')) {
      expect(precedents(plan, step.id)).toContain('put-back:statefulset/db');
    }
    const starts = plan.steps.filter(({ kind }) => kind === 'start-pods').map(({ id }) => id);
    expect(starts).toEqual([
      'start-pods:deployment/api:1/3:api-v1',
      'start-pods:deployment/api:2/3:api-v1',
      'start-pods:deployment/api:3/3:api-v1',
      'start-pods:statefulset/db:1/2:db-v1',
      'start-pods:statefulset/db:2/2:db-v1',
      'start-pods:deployment/worker:1/1:worker-v1',
    ]);
    expect(plan.lines.map(({ label }) => label.split(':')[0])).toEqual([
      ...Array(4).fill('deployment/api'),
      ...Array(3).fill('statefulset/db'),
      ...Array(2).fill('deployment/worker'),
    ]);
  });

  it('lets none wait for another where they go together, but puts back once nothing moves any more', () => {
    const plan = planOf(factsWith([deployment('api', 3), deployment('worker', 2)], true));
    const moves = stepsOf(plan, 'deployment/worker').filter(({ kind }) => /-pods$/.test(kind));
    for (const { id } of moves)
      expect(precedents(plan, id).filter((one) => /^\w+-pods:.*api/.test(one))).toEqual([]);
    for (const { id } of moves) expect(precedents(plan, 'put-back:deployment/api')).toContain(id);
  });

  it('goes back in the opposite order, each to what it ran', () => {
    const views = [deployment('api', 2), deployment('worker', 2, { serving: 'v0' })];
    const plan = planOf(factsWith(views));
    expect(plan.start.parts?.['deployment/worker']?.current).toBe('worker-v0');
    const moved = [
      deployment('api', 2, { serving: OLD }),
      deployment('worker', 2, { serving: OLD, also: 'v0' }),
    ];
    const back = buildReturnPlan(plan, factsWith(moved), '2026-01-01T00:00:00Z', platform);
    for (const step of stepsOf(back, 'deployment/api')) {
      expect(precedents(back, step.id)).toContain('put-back:deployment/worker');
    }
    expect(back.parts).toEqual({ 'deployment/api': 'api-v2', 'deployment/worker': 'worker-v0' });
    expect(back.steps.map(({ id }) => id)).toContain('start-pods:deployment/worker:1-2/2:worker-v0');
  });

  it('leaves one alone that runs the target already', () => {
    const plan = planOf(factsWith([deployment('api', 1), deployment('worker', 2, { serving: OLD })]));
    expect(stepsOf(plan, 'deployment/worker').map(({ kind }) => kind)).toEqual(['check-template']);
  });

  it('does not take two releases of one version for two where a workload has it once', () => {
    const api = deployment('api', 1);
    const again = { ...api.revisions[0], id: 'api-v2b' } as WorkloadView['revisions'][number];
    const facts = factsWith([{ ...api, revisions: [again, ...api.revisions] }, deployment('worker', 1)]);
    const plan = planOf(facts, 'api-v2b');
    expect(stepsOf(plan, 'deployment/worker').map(({ kind }) => kind)).toEqual(['check-template']);
  });
});

describe('what is no blue-green pair', () => {
  const service = { metadata: { name: 'api' }, spec: { selector: { app: 'api' } } };
  const all = (views: WorkloadView[]) =>
    ({
      deployments: views.map(({ object }) => object),
      services: [service],
      replicasets: [],
      pods: [],
      endpointslices: [],
    }) as unknown as Parameters<typeof findPair>[0];

  it('an application behind a Service and a worker without one', () => {
    const [api, worker] = [deployment('api', 1), deployment('worker', 1)];
    expect(findPair(all([api, worker]), api)).toBeUndefined();
  });
});

const platform = {
  expand: (move: Parameters<typeof expandMove>[0], facts: PlatformFacts) => expandMove(move, facts, SETTINGS),
  surround: surroundMoves,
};

const SETTINGS = { startTimeout: 60, drainTimeout: 30, proxySync: 1 } as KubernetesSettings;

function planOf(facts: PlatformFacts, target = 'api-v1'): Plan {
  const to = facts.releases.find(({ id }) => id === target) as Release;
  return buildPlan(
    {
      runId: 'r-1',
      createdAt: '2026-01-01T00:00:00Z',
      facts: { platform: facts } as never,
      from: { id: 'api-v2', version: NEW, digest: '' },
      to,
      strategy: 'rolling',
      request: { accepted: [] } as never,
      findings: [],
      failing: { is: false, evidence: [] },
      keepWarmMs: 0,
      batch: 1,
      prove: [],
      confirm: [],
      concurrency: 16,
      earlier: [],
    },
    platform,
  );
}

/** Steps that are of the workload, by their names. */
function stepsOf({ steps }: Plan, workload: string): Plan['steps'] {
  return steps.filter(({ id }) => id.split(':')[1] === workload);
}

/** Everything that must be done before a step. */
function precedents({ steps }: Plan, id: string): string[] {
  const after = steps.find((step) => step.id === id)?.after ?? [];
  return [...new Set(after.flatMap((one) => [one, ...precedents({ steps } as Plan, one)]))];
}

function factsWith(views: WorkloadView[], together = false): PlatformFacts {
  const nowMs = Date.parse('2026-01-02T00:00:00Z');
  const common = { service: 'shop', namespace: 'shop', seen: {}, singleton: false, claims: new Map() };
  return factsOf({ ...common, views, together, nowMs });
}

interface Runs {
  serving?: string;
  /** One more version that it ran. */
  also?: string;
}

function deployment(
  name: string,
  replicas: number,
  { serving = NEW, also = serving }: Runs = {},
): WorkloadView {
  return viewOf('deployment', name, replicas, [serving, also], 'pod-template-hash');
}

function statefulSet(name: string, replicas: number): WorkloadView {
  return viewOf('statefulset', name, replicas, [NEW, NEW], 'controller-revision-hash');
}

function viewOf(
  kind: 'deployment' | 'statefulset',
  name: string,
  replicas: number,
  [serving, also]: [string, string],
  hash: string,
): WorkloadView {
  const template = (version: string) => ({
    metadata: { labels: { app: name } },
    spec: { containers: [{ name: 'app', image: `registry/${name}:${version}` }] },
  });
  const versions = [...new Set([NEW, OLD, serving, also])];
  const revisions = versions.map((version, i) => ({
    id: `${name}-${version}`,
    number: 3 - i,
    template: template(version),
    createdAt: '2026-01-01T00:00:00Z',
    changeCause: undefined,
    object: { resource: 'replicasets', name: `${name}-${version}`, uid: version },
    replicas: version === serving ? replicas : 0,
  }));
  const pods = Array.from({ length: replicas }, (_, i) => ({
    metadata: {
      name: `${name}-${i}`,
      uid: `${name}-${i}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: name, [hash]: `${name}-${serving}` },
    },
    spec: {},
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  }));
  const spec = { replicas, selector: { matchLabels: { app: name } }, template: template(serving) };
  const current = `${name}-${serving}`;
  const view = { workload: { kind, name }, object: { metadata: { name }, spec }, revisions, current };
  return { ...view, pods, services: [], slices: [] } as unknown as WorkloadView;
}
