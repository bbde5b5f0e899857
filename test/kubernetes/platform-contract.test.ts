import { describe, expect, it } from 'vitest';
import { clusterState } from '../../src/adapters/platform/kubernetes/cluster-state.ts';
import { kubernetesPlatform } from '../../src/adapters/platform/kubernetes/kubernetes.ts';
import type { KubernetesSettings } from '../../src/adapters/platform/kubernetes/settings.ts';
import { parseWorkload } from '../../src/adapters/platform/kubernetes/view.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import type { Step } from '../../src/engine/step.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import type { Move } from '../../src/model/move.ts';
import type { PlannedStep } from '../../src/model/plan.ts';
import { type PlatformUnderTest, platformContract } from '../contracts/platform.ts';
import { stepContext } from '../local-platform-rig.ts';
import { hasCluster, kubernetesRig } from './rig.ts';

const SETTINGS: KubernetesSettings = {
  workloads: ['deployment/api'],
  together: false,
  batch: 1,
  singleton: false,
  startTimeout: 60,
  drainTimeout: 10,
  proxySync: 0.1,
  longestRequest: 0.1,
  keepWarm: 0,
  reconciler: 'suspend',
  clone: '/nowhere',
  restoreSecrets: [],
};

describe.skipIf(!hasCluster)('on a cluster', { timeout: 120_000 }, () => {
  // One Deployment can't keep a replaced revision running: the Services' selectors would have to stay narrowed. Its
  // controller fills up to what it is allowed as soon as a pod ends.
  platformContract('a Deployment', deployment, { keepsWarm: false, setLast: false, startsAhead: true });
});

it.runIf(process.env.CI)('a cluster is there', () => {
  expect(hasCluster).toBe(true);
});

async function deployment(): Promise<PlatformUnderTest> {
  const rig = await kubernetesRig({ replicas: 2 });
  const cluster = await connect({ namespace: rig.namespace });
  const state = clusterState(cluster, rig.namespace, SETTINGS.workloads.map(parseWorkload));
  const platform = kubernetesPlatform({
    service: 'api',
    configuration: { platform: SETTINGS },
    state,
    clock: systemClock,
    gate: async () => ({ ok: true, says: 'ready' }),
    seen: async () => ({}),
    snapshots: async () => ({}),
  });
  const never = new AbortController().signal;
  const facts = await platform.facts(never);
  const from = facts.current as string;
  const to = facts.releases.find(({ id }) => id !== from)?.id as string;
  const steps = platform.steps();
  // A plan sets up before its first move; how, depends on whether all traffic is to go in one change.
  const switches = expect.getState().currentTestName?.includes('in one change');
  const moves: Move[] = [
    { id: 'start', kind: 'start', slots: [1], release: to, after: [] },
    ...(switches ? [{ id: 'switch', kind: 'switch' as const, to, slots: [1, 2], after: [] }] : []),
    { id: 'set', kind: 'set-current', release: starts() ? to : from, after: [] },
  ];
  const { before = [] } = platform.surround?.(moves, facts, []) ?? {};
  for (const planned of before) await carryOut(planned);

  async function carryOut({ kind, input }: PlannedStep): Promise<void> {
    const step = steps[kind] as Step<unknown>;
    await step.apply(input, stepContext(100));
  }

  return {
    from,
    to,
    epoch: 100,
    facts: () => platform.facts(never),
    steps: () => steps,
    expand: (move, now) => platform.expand(move, now),
    context: stepContext,
    run: (work) => work(),
    dispose: async () => {
      state.close();
      await rig.dispose();
    },
  };
}

/** Whether the running test starts instances of the target. */
function starts(): boolean {
  return /starts beside|each move once|in one change/.test(expect.getState().currentTestName ?? '');
}
