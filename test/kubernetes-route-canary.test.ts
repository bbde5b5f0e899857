import { describe, expect, it } from 'vitest';
import { surroundCanary } from '../src/adapters/platform/kubernetes/canary/expand-canary.ts';
import { routeAccess } from '../src/adapters/platform/kubernetes/canary/route-access.ts';
import {
  findRouteCanary,
  otherRules,
  splitRoutes,
} from '../src/adapters/platform/kubernetes/canary/route-canary.ts';
import { shiftOperations } from '../src/adapters/platform/kubernetes/canary/shift-weights.ts';
import { takenUp } from '../src/adapters/platform/kubernetes/canary/taken-up.ts';
import type { Collections } from '../src/adapters/platform/kubernetes/collections.ts';
import type { OwnCanary } from '../src/adapters/platform/kubernetes/own-facts.ts';
import { findPair } from '../src/adapters/platform/kubernetes/pair/find-pair.ts';
import { viewOf } from '../src/adapters/platform/kubernetes/read-view.ts';
import type { WorkloadView } from '../src/adapters/platform/kubernetes/view.ts';
import { ApiError } from '../src/kubernetes/api-error.ts';
import type { Cluster } from '../src/kubernetes/cluster.ts';
import type { HttpRoute } from '../src/kubernetes/http-route.ts';
import type { Deployment, Service } from '../src/kubernetes/objects.ts';
import type { PlatformFacts } from '../src/model/facts.ts';
import type { Move } from '../src/model/move.ts';
import type { PlannedStep } from '../src/model/plan.ts';

const meta = (name: string) => ({
  name,
  namespace: 'shop',
  uid: `uid-${name}`,
  resourceVersion: '1',
  generation: 2,
  creationTimestamp: '2026-11-25T10:00:00Z',
});

function deployment(name: string, labels: Record<string, string>): Deployment {
  const template = { metadata: { labels }, spec: { containers: [] } };
  return { metadata: meta(name), spec: { selector: { matchLabels: labels }, template } };
}

function service(name: string, selector: Record<string, string>): Service {
  return { metadata: meta(name), spec: { selector } };
}

type Refs = { name: string; weight?: number; namespace?: string; kind?: string }[];

function route(name: string, ...rules: Refs[]): HttpRoute {
  return {
    metadata: meta(name),
    spec: { parentRefs: [{ name: 'edge' }], rules: rules.map((backendRefs) => ({ backendRefs })) },
  };
}

function shop(...httproutes: HttpRoute[]): Collections {
  return {
    deployments: [
      deployment('api', { app: 'api', track: 'stable' }),
      deployment('api-canary', { app: 'api', track: 'canary' }),
    ],
    statefulsets: [],
    daemonsets: [],
    rollouts: [],
    replicasets: [],
    controllerrevisions: [],
    pods: [],
    services: [
      service('api-stable', { app: 'api', track: 'stable' }),
      service('api-canary', { app: 'api', track: 'canary' }),
      service('api', { app: 'api' }),
      service('other', { app: 'other' }),
    ],
    endpointslices: [],
    httproutes,
  };
}

const STABLE = { name: 'api-stable', weight: 90 };
const CANARY = { name: 'api-canary', weight: 10 };

function view(all: Collections, name: string): WorkloadView {
  return viewOf({ kind: 'deployment', name }, all) as WorkloadView;
}

function found(all: Collections): string | undefined {
  return findRouteCanary(all, view(all, 'api'))?.workload.name;
}

describe('the canary that an HTTPRoute sends a part to', () => {
  it('is the other Deployment behind the second Service of a rule', () => {
    expect(found(shop(route('api', [STABLE, CANARY])))).toBe('api-canary');
    expect(found(shop(route('api', [CANARY, STABLE])))).toBe('api-canary');
  });

  it('is nobody where the rule names one Service, three, another kind, or one of another namespace', () => {
    expect(found(shop())).toBeUndefined();
    expect(found(shop(route('api', [STABLE])))).toBeUndefined();
    expect(found(shop(route('api', [STABLE, CANARY, { name: 'other' }])))).toBeUndefined();
    expect(found(shop(route('api', [STABLE, { name: 'other' }])))).toBeUndefined();
    expect(found(shop(route('api', [STABLE, { ...CANARY, namespace: 'elsewhere' }])))).toBeUndefined();
    expect(found(shop(route('api', [STABLE, { ...CANARY, kind: 'Bucket' }])))).toBeUndefined();
    expect(found(shop(route('api', [STABLE, { name: 'gone' }])))).toBeUndefined();
  });

  it('is nobody where the Service selects two Deployments, or the Deployment does not call itself a canary', () => {
    const two = shop(route('api', [STABLE, CANARY]));
    const second = deployment('api-canary-b', { app: 'api', track: 'canary' });
    expect(found({ ...two, deployments: [...two.deployments, second] })).toBeUndefined();
    const plain = shop(route('api', [STABLE, { name: 'next' }]));
    const deployments = [...plain.deployments, deployment('api-next', { app: 'api', track: 'next' })];
    const services = [...plain.services, service('next', { app: 'api', track: 'next' })];
    expect(found({ ...plain, deployments, services })).toBeUndefined();
  });

  it('is no blue-green pair with the stable one, also while a run has narrowed one of their Services', () => {
    const before = shop(route('api', [STABLE, CANARY]));
    const narrowed = service('api-canary', {
      app: 'api',
      track: 'canary',
      'rollback-deploy-auto/serving': 'true',
    });
    const selector = JSON.stringify({ selector: { app: 'api', track: 'canary' } });
    narrowed.metadata.annotations = { 'rollback-deploy-auto/before': selector };
    const all = { ...before, services: before.services.with(1, narrowed) };
    expect(findPair(all, view(all, 'api'))).toBeUndefined();
    expect(found(all)).toBe('api-canary');
  });

  it('is never the stable one of the other', () => {
    const all = shop(route('api', [STABLE, CANARY]));
    expect(findRouteCanary(all, view(all, 'api-canary'))).toBeUndefined();
  });
});

describe('the rules that share traffic', () => {
  it('are all of all routes, with their weights; one that is not set is 1', () => {
    const all = shop(
      route('api', [STABLE, CANARY], [{ name: 'api-canary' }, { name: 'other' }, { name: 'api-stable' }]),
      route('admin', [STABLE]),
    );
    expect(splitRoutes(all, view(all, 'api'), view(all, 'api-canary'))).toEqual([
      {
        name: 'api',
        rules: [
          {
            rule: 0,
            stable: { service: 'api-stable', at: 0, weight: 90 },
            canary: { service: 'api-canary', at: 1, weight: 10 },
          },
          {
            rule: 1,
            stable: { service: 'api-stable', at: 2, weight: 1 },
            canary: { service: 'api-canary', at: 0, weight: 1 },
          },
        ],
      },
    ]);
  });

  it('are not those with a Service that selects both; what else sends to the canary is named', () => {
    const all = shop(
      route('api', [STABLE, CANARY], [{ name: 'api' }, CANARY], [CANARY]),
      route('x', [CANARY]),
    );
    const split = splitRoutes(all, view(all, 'api'), view(all, 'api-canary'));
    expect(split.map(({ rules }) => rules.map(({ rule }) => rule))).toEqual([[0]]);
    expect(otherRules(all.httproutes, split)).toEqual([
      'rule 2 of httproute/api',
      'rule 3 of httproute/api',
      'rule 1 of httproute/x',
    ]);
  });
});

describe('what is written on a route', () => {
  const fence = { runId: 'r-1', epoch: 7 };
  const now = Date.parse('2026-11-25T12:00:00Z');
  const all = shop(route('api', [STABLE, CANARY]));
  const [split] = splitRoutes(all, view(all, 'api'), view(all, 'api-canary'));
  if (!split) throw new Error('No rule shares traffic.');

  it('tests both backends as they were read, and moves the whole share', () => {
    const operations = shiftOperations(all.httproutes[0] as HttpRoute, split, fence, now) ?? [];
    const path = '/spec/rules/0/backendRefs';
    expect(operations.filter((one) => one.path.startsWith('/spec'))).toEqual([
      { op: 'test', path: `${path}/0`, value: STABLE },
      { op: 'add', path: `${path}/0/weight`, value: 100 },
      { op: 'test', path: `${path}/1`, value: CANARY },
      { op: 'add', path: `${path}/1/weight`, value: 0 },
    ]);
    const noted = operations.find((one) => one.path.endsWith('~1before'));
    expect(JSON.parse((noted as { value: string }).value)).toEqual({ rules: split.rules });
  });

  it('is nothing once this run did it, and nothing at all where somebody set other weights', () => {
    const done = route('api', [
      { ...STABLE, weight: 100 },
      { ...CANARY, weight: 0 },
    ]);
    const held = { ...done.metadata, annotations: { 'rollback-deploy-auto/run': 'r-1' } };
    expect(shiftOperations({ ...done, metadata: held }, split, fence, now)).toBeUndefined();
    const other = route('api', [
      { ...STABLE, weight: 50 },
      { ...CANARY, weight: 50 },
    ]);
    expect(() => shiftOperations(other, split, fence, now)).toThrow('to 50 and 50');
    expect(() => shiftOperations(route('api', [CANARY, STABLE]), split, fence, now)).toThrow('no longer');
  });
});

describe('whether gateways have a route as it is', () => {
  const parents = (...generations: number[]) =>
    generations.map((observedGeneration) => ({
      parentRef: { name: 'edge' },
      conditions: [{ type: 'Accepted', status: 'True' as const, observedGeneration }],
    }));
  const of = (...generations: number[]) =>
    takenUp({ ...route('api', [STABLE, CANARY]), status: { parents: parents(...generations) } });

  it('is what every controller says, and unknown where none says anything', () => {
    expect(of(2)).toBe('reported');
    expect(of(2, 1)).toBe('stale');
    expect(of()).toBe('unknown');
    expect(takenUp(route('api', [STABLE]))).toBe('unknown');
  });

  it('asks every parent of the route, and no former one', () => {
    const two = route('api', [STABLE, CANARY]);
    two.spec.parentRefs = [{ name: 'edge' }, { name: 'inner', namespace: 'shop' }];
    expect(takenUp({ ...two, status: { parents: parents(2) } })).toBe('unknown');
    const former = { ...parents(1)[0], parentRef: { name: 'former' } };
    expect(takenUp({ ...route('api', [STABLE]), status: { parents: [...parents(2), former] } })).toBe(
      'reported',
    );
  });
});

describe('what a plan sets up and puts back', () => {
  const rule = {
    rule: 0,
    stable: { service: 'api-stable', at: 0, weight: 90 },
    canary: { service: 'api-canary', at: 1, weight: 10 },
  };
  const canary: OwnCanary = {
    workload: 'deployment/api-canary',
    offset: 3,
    replicas: 1,
    current: 'c1',
    revisions: { 'api-canary:c1': 'c1' },
    routes: [{ name: 'api', rules: [rule] }],
    held: false,
  };
  const kinds = (moves: Move[], own: OwnCanary, earlier: PlannedStep[] = []) => {
    const facts = { own: { workloads: [], canary: own } } as unknown as PlatformFacts;
    const { before, after } = surroundCanary(moves, facts, earlier, { before: [], after: [] });
    return [...before, ...after].map(({ kind, input }) =>
      kind === 'put-back-route' ? `${kind} ${(input as { weights: string }).weights}` : kind,
    );
  };
  const release = 'api-canary:c1';
  const drain: Move = { id: 'drain', kind: 'drain', slots: [4], release, after: [] };
  const end: Move = { id: 'set', kind: 'set-current', release: 'r1', after: ['drain'] };
  const goingBack: Move = { ...end, canary: release };
  const earlier = [{ kind: 'hold-traffic', input: { workload: canary.workload } } as unknown as PlannedStep];
  const gone: OwnCanary = {
    ...canary,
    routes: [{ name: 'api', rules: [{ ...rule, canary: { ...rule.canary, weight: 0 } }] }],
  };

  it('leaves the weights to the drain where there are pods, else moves them first', () => {
    expect(kinds([drain, end], canary)).toEqual(['hold-traffic', 'put-back', 'put-back-route stay']);
    const all = ['hold-traffic', 'shift-weights', 'put-back', 'put-back-route stay'];
    expect(kinds([end], canary)).toEqual(all);
  });

  it('puts the weights back on the way to the start, also where only the weights were moved', () => {
    const all = ['hold-traffic', 'put-back', 'put-back-route before'];
    expect(kinds([goingBack], gone, earlier)).toEqual(all);
  });

  it('touches nothing where the canary has no share and nobody held it', () => {
    expect(kinds([end], gone)).toEqual([]);
    expect(kinds([end], { ...gone, held: true })).toContain('put-back-route stay');
  });
});

describe('a look whether there is a Gateway API', () => {
  function asked(answers: Record<string, number>) {
    const paths: string[] = [];
    const get = async (path: string) => {
      paths.push(path);
      const status = answers[path.includes('/v1/') ? 'routes' : 'group'] ?? 200;
      if (status !== 200) throw new ApiError({ what: 'get it', status });
      return {};
    };
    const access = routeAccess({ get } as unknown as Cluster, 'shop');
    return { access: () => access(AbortSignal.timeout(1_000)), paths };
  }

  it('is one request where there is none, whoever asks', async () => {
    const { access, paths } = asked({ routes: 404 });
    expect([await access(), await access()]).toEqual(['absent', 'absent']);
    expect(paths).toHaveLength(1);
  });

  it('tells a missing right from a missing API', async () => {
    expect(await asked({ routes: 403, group: 404 }).access()).toBe('absent');
    expect(await asked({ routes: 403 }).access()).toBe('refused');
    expect(await asked({}).access()).toBe('there');
    await expect(asked({ routes: 503 }).access()).rejects.toThrow('did not');
  });
});
