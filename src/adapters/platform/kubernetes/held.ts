import type { PatchOperation } from '../../../kubernetes/cluster.ts';
import type { Fence } from '../../../kubernetes/fenced-write.ts';
import {
  BEFORE_ANNOTATION,
  HELD_LABEL,
  RUN_ANNOTATION,
  SCALED_FROM_ANNOTATION,
} from '../../../kubernetes/names.ts';
import type { Deployment, KubernetesObject, Rollout } from '../../../kubernetes/objects.ts';
import { pointerPart } from '../../../kubernetes/resource-paths.ts';
import type { WorkloadView } from './view.ts';

/** Fields of a workload that a run changes for its time, by name; null where a field was not set. */
export type HeldFields = Partial<Record<HeldField, unknown>>;

/** What a run says on a Service that it holds. */
export interface HeldService {
  /** The selector as it was before. */
  selector: Record<string, string> | undefined;
  /** See `HoldTrafficInput`. */
  by?: 'each' | 'all';
}

const DEPLOYMENT_FIELDS = ['strategy', 'minReadySeconds', 'progressDeadlineSeconds', 'paused'] as const;
const OTHER_FIELDS = ['updateStrategy'] as const;
type HeldField = (typeof DEPLOYMENT_FIELDS | typeof OTHER_FIELDS)[number] | 'template';

/** A pod younger than this does not count as available, so that the controller removes none by itself, s. */
export const HELD_MIN_READY_S = 2 ** 30;
const HELD_DEADLINE_S = 2 ** 31 - 1;

/** Whether the run holds the object. */
export function isHeldBy(object: KubernetesObject, runId: string): boolean {
  return object.metadata.annotations?.[RUN_ANNOTATION] === runId;
}

/** What the object's fields were before a run; undefined where none holds it. */
export function fieldsBefore<T>(object: KubernetesObject): T | undefined {
  const text = object.metadata.annotations?.[BEFORE_ANNOTATION];
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

export function heldFields({ workload, object }: Pick<WorkloadView, 'workload' | 'object'>): HeldFields {
  const spec = object.spec as HeldFields;
  if (workload.kind === 'rollout') {
    // Which template it was set to tells later whether it is to have a canary beside it again.
    return { paused: spec.paused ?? null, template: (object as Rollout).status?.currentPodHash };
  }
  const fields = workload.kind === 'deployment' ? DEPLOYMENT_FIELDS : OTHER_FIELDS;
  return Object.fromEntries(fields.map((field) => [field, spec[field] ?? null]));
}

/** Says on the object which run holds it and what its fields were; those of an earlier run that was lost stay. */
export function holdOperations(
  object: KubernetesObject,
  { runId }: Fence,
  before: unknown,
): PatchOperation[] {
  const run = `/metadata/annotations/${pointerPart(RUN_ANNOTATION)}`;
  const was = `/metadata/annotations/${pointerPart(BEFORE_ANNOTATION)}`;
  const held = object.metadata.annotations?.[RUN_ANNOTATION];
  if (held !== undefined) {
    return [
      { op: 'test', path: run, value: held },
      { op: 'replace', path: run, value: runId },
    ];
  }
  return [
    { op: 'add', path: run, value: runId },
    { op: 'add', path: was, value: JSON.stringify(before) },
  ];
}

/** Takes away what `holdOperations` wrote. */
export function letGoOperations(object: KubernetesObject): PatchOperation[] {
  return [RUN_ANNOTATION, BEFORE_ANNOTATION, SCALED_FROM_ANNOTATION]
    .filter((key) => object.metadata.annotations?.[key] !== undefined)
    .map((key) => ({ op: 'remove', path: `/metadata/annotations/${pointerPart(key)}` }));
}

/** The same for a Service, with the label that its EndpointSlices show. */
export function holdServiceOperations(
  service: KubernetesObject,
  fence: Fence,
  before: HeldService,
): PatchOperation[] {
  const { labels } = service.metadata;
  const label: PatchOperation[] = labels
    ? [{ op: 'add', path: `/metadata/labels/${pointerPart(HELD_LABEL)}`, value: 'true' }]
    : [{ op: 'add', path: '/metadata/labels', value: { [HELD_LABEL]: 'true' } }];
  return [...holdOperations(service, fence, before), ...label];
}

/** Takes away what `holdServiceOperations` wrote. */
export function letGoServiceOperations(service: KubernetesObject): PatchOperation[] {
  const labelled = service.metadata.labels?.[HELD_LABEL] !== undefined;
  return [
    ...letGoOperations(service),
    ...(labelled ? [{ op: 'remove' as const, path: `/metadata/labels/${pointerPart(HELD_LABEL)}` }] : []),
  ];
}

/** The controller starts `surge` pods beside and stops `unavailable`, and nothing on its own account. */
export function pacedOperations(
  { spec }: Deployment,
  pace: { surge: number; unavailable: number },
): PatchOperation[] {
  const strategy = {
    type: 'RollingUpdate',
    // Both 0 is refused by the API; one more surge has no effect where no pod is missing.
    rollingUpdate: {
      maxSurge: pace.surge === 0 && pace.unavailable === 0 ? 1 : pace.surge,
      maxUnavailable: pace.unavailable,
    },
  };
  const operations: PatchOperation[] = [{ op: 'add', path: '/spec/strategy', value: strategy }];
  if (spec.minReadySeconds !== HELD_MIN_READY_S) {
    operations.push({ op: 'add', path: '/spec/minReadySeconds', value: HELD_MIN_READY_S });
  }
  if (spec.progressDeadlineSeconds !== HELD_DEADLINE_S) {
    operations.push({ op: 'add', path: '/spec/progressDeadlineSeconds', value: HELD_DEADLINE_S });
  }
  if (spec.paused) operations.push({ op: 'remove', path: '/spec/paused' });
  return operations;
}

/** The pace that is set now; undefined where the Deployment is not held. */
export function paceOf({ spec }: Deployment): { surge: number; unavailable: number } | undefined {
  if (spec.minReadySeconds !== HELD_MIN_READY_S) return undefined;
  const { maxSurge = 0, maxUnavailable = 0 } = spec.strategy?.rollingUpdate ?? {};
  return { surge: Number(maxSurge), unavailable: Number(maxUnavailable) };
}

export function putBackOperations(object: WorkloadView['object'], before: HeldFields): PatchOperation[] {
  const spec = object.spec as HeldFields;
  const operations: PatchOperation[] = [];
  for (const field of [...DEPLOYMENT_FIELDS, ...OTHER_FIELDS]) {
    const value = before[field];
    const path = `/spec/${field}`;
    if (value === undefined) continue;
    if (value !== null) operations.push({ op: 'add', path, value });
    else if (spec[field] !== undefined) operations.push({ op: 'remove', path });
  }
  return operations;
}
