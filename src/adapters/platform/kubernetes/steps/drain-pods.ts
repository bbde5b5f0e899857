import type { Step, StepContext } from '../../../../engine/step.ts';
import {
  DELETION_COST_ANNOTATION,
  OUT_SINCE_ANNOTATION,
  SERVING_LABEL,
} from '../../../../kubernetes/names.ts';
import type { Pod } from '../../../../kubernetes/objects.ts';
import { pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { Connections, Drained } from '../connections.ts';
import { isInRotation, isReady, isTakenOut } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { sendByLabel } from './send-by-label.ts';
import { type CountInput, eachOf, podsOf, workloadOf, writePod } from './workload-step.ts';

export interface DrainPodsOutput {
  pods: string[];
  /** How it was told; of several pods the weakest. */
  how: Drained['how'];
  /** From leaving rotation until drained, the longest, ms. */
  drainedMs: number;
  /**
   * By pod, connections still open when the time was over: they are cut when it ends. A pod whose connections can't be
   * seen is not there.
   */
  cut: Record<string, number>;
}

/**
 * Takes pods of a revision out of rotation until `count` are left in it, and waits until those that are out are
 * drained. Pods that are not ready leave first, then the youngest.
 */
export function drainPods(state: ClusterState, connections: Connections): Step<CountInput, DrainPodsOutput> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const pods = podsOf(view, input);
      const inside = pods.filter((pod) => isInRotation(view, pod));
      const outside = pods.filter((pod) => !isInRotation(view, pod));
      if (inside.length > input.count) return { state: 'pending', before: { inRotation: inside.length } };
      const drained = await Promise.all(outside.map((pod) => connections.isDrained(view, pod, context)));
      if (drained.every((one) => one !== undefined))
        return { state: 'done', output: outputOf(outside, drained) };
      return { state: 'pending', before: { inRotation: inside.length } };
    },
    async apply(input, context) {
      const { signal } = context;
      let view = await state.view(workloadOf(input), signal);
      if (leavingOf(view, input).length > 0 && (await sendByLabel(state, view, context)))
        view = await state.view(workloadOf(input), signal);
      const pods = podsOf(view, input);
      const leaving = leavingOf(view, input);
      // Those that left as Services went over are to end before those that stay; where none stays, none needs to say so.
      const left =
        input.count === 0 ? [] : pods.filter((pod) => !isInRotation(view, pod) && !isTakenOut(pod));
      await eachOf([...leaving, ...left], (pod) => takeOut(state, pod, input.count, context));
      const outside = [...pods.filter((pod) => !isInRotation(view, pod)), ...leaving];
      const drained = await Promise.all(
        outside.map((pod) => connections.untilDrained(pod, view.workload, hasServed(pod, context), context)),
      );
      return outputOf(outside, drained);
    },
  };
}

/** Those that serve best come first in the list, so the last ones leave. */
function leavingOf(view: WorkloadView, input: CountInput): Pod[] {
  return podsOf(view, input)
    .filter((pod) => isInRotation(view, pod))
    .slice(input.count);
}

/** A pod that stopped being ready so short a time ago may still be sent to, and may still be answering, ms. */
const UNREADY_LONG_MS = 30_000;

/** Whether it may have got requests. */
export function hasServed(pod: Pod, { clock }: StepContext): boolean {
  if (isReady(pod)) return true;
  const since = pod.status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  const runs = pod.status.containerStatuses?.some(({ state }) => state?.running !== undefined) ?? false;
  return runs && since !== undefined && clock.now() - Date.parse(since) < UNREADY_LONG_MS;
}

/**
 * In one write: out of rotation, since when, and first to end. The more are left, the earlier it leaves and the lower its
 * cost, so that one that only begins to drain never ends in place of one that has drained.
 */
function takeOut(state: ClusterState, pod: Pod, left: number, context: StepContext): Promise<void> {
  return writePod(state, pod, context, ({ metadata }) => {
    const value = metadata.labels?.[SERVING_LABEL];
    const label = `/metadata/labels/${pointerPart(SERVING_LABEL)}`;
    const since = new Date(context.clock.now()).toISOString();
    return [
      ...(value === undefined
        ? []
        : [
            { op: 'test' as const, path: label, value },
            { op: 'remove' as const, path: label },
          ]),
      { op: 'add', path: `/metadata/annotations/${pointerPart(OUT_SINCE_ANNOTATION)}`, value: since },
      {
        op: 'add',
        path: `/metadata/annotations/${pointerPart(DELETION_COST_ANNOTATION)}`,
        value: String(-1 - left),
      },
    ];
  });
}

/** From the best way of telling to the weakest; where nothing sent to a pod there was nothing to tell. */
const WAYS: Drained['how'][] = ['none', 'connections', 'gauge', 'counter', 'bound'];

function outputOf(pods: Pod[], drained: (Drained | undefined)[]): DrainPodsOutput {
  const known = drained.filter((one) => one !== undefined);
  const names = pods.map(({ metadata }) => metadata.name);
  const cuts = names.flatMap((name, i) => {
    const cut = drained[i]?.cut;
    return cut === undefined ? [] : [[name, cut] as const];
  });
  return {
    pods: names,
    how: WAYS[Math.max(0, ...known.map(({ how }) => WAYS.indexOf(how)))] ?? 'none',
    drainedMs: Math.round(Math.max(0, ...known.map(({ ms }) => ms))),
    cut: Object.fromEntries(cuts),
  };
}
