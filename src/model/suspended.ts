import type { RunState } from './run-state.ts';

/** What a run suspended so that it does not put the newer release back, and how it stands with it. */
export interface SuspendedReconciler {
  /** E.g. `flux-kustomization/shop/shop`. */
  name: string;
  /** Whether it reconciles again. */
  resumed: boolean;
  /** Why, a sentence. */
  why: string;
  /** How a person resumes it; undefined where it reconciles, or the run has no end yet. */
  fix: string | undefined;
}

/** Reconcilers that steps suspended, with what the last step said of each. */
export function suspendedIn(state: RunState): SuspendedReconciler[] {
  const found = new Map<string, SuspendedReconciler>();
  for (const { plan, steps } of state.plans) {
    for (const { id, kind } of plan.steps) {
      const status = steps.get(id);
      if (status?.state !== 'done') continue;
      const name = id.slice(id.indexOf(':') + 1);
      if (kind === 'suspend-reconciler') {
        found.set(name, {
          name,
          resumed: false,
          why: 'It is suspended while the run lasts.',
          fix: undefined,
        });
      } else if (kind === 'resume-reconciler') {
        const { resumed, why, fix } = status.output as Omit<SuspendedReconciler, 'name'>;
        found.set(name, { name, resumed, why, fix });
      }
    }
  }
  return [...found.values()];
}
