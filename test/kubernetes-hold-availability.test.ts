import { expect, test } from 'vitest';
import type { ClusterState } from '../src/adapters/platform/kubernetes/cluster-state.ts';
import { holdAvailability } from '../src/adapters/platform/kubernetes/steps/hold-availability.ts';
import type { WorkloadView } from '../src/adapters/platform/kubernetes/view.ts';
import type { StepContext } from '../src/engine/step.ts';

const context = { signal: AbortSignal.timeout(10_000) } as StepContext;

/** A Deployment that makes pods of `new`; its pods of `old` were ended a moment ago. */
function seen(parts: { old: number; new: number; deployment: number }): WorkloadView {
  const template = (version: string) => ({ metadata: {}, spec: { containers: [{ name: version }] } });
  return {
    workload: { kind: 'deployment', name: 'api' },
    object: { spec: { template: template('new') }, status: { availableReplicas: parts.deployment } },
    revisions: [
      { id: 'new', template: template('new'), replicas: 3, available: parts.new },
      { id: 'old', template: template('old'), replicas: 0, available: parts.old },
    ],
  } as unknown as WorkloadView;
}

// Controllers that lag behind can't be provoked on a cluster without putting load on all of it.
test('a template is set once nobody counts pods that have ended as available', async () => {
  const views = [
    seen({ old: 3, new: 3, deployment: 6 }),
    // The ReplicaSet has looked again, and the Deployment's controller has not.
    seen({ old: 0, new: 3, deployment: 6 }),
    seen({ old: 0, new: 3, deployment: 3 }),
  ];
  let at = 0;
  const state = {
    view: async () => views[at],
    change: async () => {
      at++;
    },
  } as unknown as ClusterState;
  await holdAvailability(state, views[0] as WorkloadView, 'old', context);
  expect(at).toBe(2);
});

test('where that is so already, nothing is waited for, and nothing written', async () => {
  const view = seen({ old: 0, new: 3, deployment: 3 });
  const state = {
    view: async () => view,
    change: async () => {
      throw new Error('It waits.');
    },
  } as unknown as ClusterState;
  await expect(holdAvailability(state, view, 'old', context)).resolves.toBeUndefined();
});
