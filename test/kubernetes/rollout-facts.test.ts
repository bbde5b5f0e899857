import { expect, test } from 'vitest';
import {
  asWritten,
  refuseUnrouted,
  refuseWorkloadRef,
  strategiesOf,
} from '../../src/adapters/platform/kubernetes/rollout/read-rollout.ts';
import { chooseStrategy } from '../../src/commands/choose-strategy.ts';
import type { PodTemplate, Rollout } from '../../src/kubernetes/objects.ts';
import type { PlatformFacts } from '../../src/model/facts.ts';

const CONTAINERS = [{ name: 'app', image: 'api:v2.14.3' }];

function rollout(spec: object): Rollout {
  return { metadata: { name: 'api' }, spec } as unknown as Rollout;
}

test('a template is what somebody wrote, without what the controller adds for a time', () => {
  const injected = {
    labelSelector: {
      matchExpressions: [{ key: 'rollouts-pod-template-hash', operator: 'In', values: ['5b9'] }],
    },
    topologyKey: 'kubernetes.io/hostname',
  };
  const own = {
    labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['db'] }] },
    topologyKey: 'kubernetes.io/hostname',
  };
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const template: PodTemplate = {
    metadata: { labels: { app: 'api', role: 'canary' }, annotations: { note: 'kept' } },
    spec: { containers: CONTAINERS, affinity: { podAntiAffinity: { [required]: [own, injected] } } },
  };
  const ephemeral = { 'rollout.argoproj.io/ephemeral-metadata': '{"labels":{"role":"canary"}}' };
  expect(asWritten(template, ephemeral)).toEqual({
    metadata: { labels: { app: 'api' }, annotations: { note: 'kept' } },
    spec: { containers: CONTAINERS, affinity: { podAntiAffinity: { [required]: [own] } } },
  });
  const alone: PodTemplate = {
    metadata: { labels: { app: 'api' } },
    spec: { containers: CONTAINERS, affinity: { podAntiAffinity: { [required]: [injected] } } },
  };
  expect(asWritten(alone, undefined)).toEqual({
    metadata: { labels: { app: 'api' } },
    spec: { containers: CONTAINERS },
  });
});

test('what is not its own, or has Services that no router sends to, is refused with what to type instead', () => {
  const referring = rollout({ workloadRef: { kind: 'Deployment', name: 'api' }, strategy: { canary: {} } });
  expect(() => refuseWorkloadRef(referring)).toThrow(/Deployment api \(workloadRef\)/);
  expect(() => refuseWorkloadRef(rollout({ strategy: { canary: {} } }))).not.toThrow();
  const services = { stableService: 'api', canaryService: 'api-canary' };
  const unrouted = rollout({ strategy: { canary: services } });
  expect(() => refuseUnrouted(unrouted)).toThrow(/no traffic router/);
  const routed = rollout({ strategy: { canary: { ...services, trafficRouting: { nginx: {} } } } });
  expect(() => refuseUnrouted(routed)).not.toThrow();
  expect(() => refuseUnrouted(rollout({ strategy: { canary: { steps: [] } } }))).not.toThrow();
  expect(() => refuseUnrouted(rollout({ strategy: { blueGreen: { activeService: 'api' } } }))).not.toThrow();
});

test.each([
  [{ canary: {} }, false, undefined, 'rolling'],
  [{ canary: {} }, true, undefined, 'canary'],
  [{ canary: {} }, true, 'rolling', 'rolling'],
  [{ blueGreen: { activeService: 'api' } }, false, undefined, 'blue-green'],
  [{ blueGreen: { activeService: 'api' } }, true, 'blue-green', 'blue-green'],
] as const)('%j, being rolled out: %s, asked for %s: %s', (strategy, canary, named, chosen) => {
  const strategies = strategiesOf(rollout({ strategy }), canary);
  expect(chooseStrategy({ service: 'api', strategies } as unknown as PlatformFacts, named)).toBe(chosen);
});

test.each([
  [{ canary: {} }, 'canary', '--strategy rolling'],
  [{ canary: {} }, 'instant', '--strategy rolling'],
  [{ blueGreen: { activeService: 'api' } }, 'rolling', '--strategy blue-green'],
] as const)('%j: %s is refused', (strategy, named, instead) => {
  const strategies = strategiesOf(rollout({ strategy }), false);
  const choose = () => chooseStrategy({ service: 'api', strategies } as unknown as PlatformFacts, named);
  expect(choose).toThrow(expect.objectContaining({ code: 'STRATEGY_UNAVAILABLE' }));
  expect(choose).toThrow(expect.objectContaining({ fix: expect.stringContaining(instead) }));
});

test('elsewhere everything may be named, and rolling is the default', () => {
  const facts = { service: 'api' } as unknown as PlatformFacts;
  expect(chooseStrategy(facts, undefined)).toBe('rolling');
  expect(chooseStrategy(facts, 'instant')).toBe('instant');
});
