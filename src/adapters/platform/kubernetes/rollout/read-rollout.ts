import { ROLLOUT_HASH_LABEL } from '../../../../kubernetes/names.ts';
import type { PodTemplate, Rollout } from '../../../../kubernetes/objects.ts';
import { EXIT, RollbackError } from '../../../../model/error.ts';
import type { Strategy } from '../../../../model/plan.ts';

/** Labels and annotations that the controller gives pods while they are canary, stable, preview or active. */
const EPHEMERAL = 'rollout.argoproj.io/ephemeral-metadata';

/**
 * `paused` where the pods that a Service finds are what divides its traffic: its controller would end them undrained.
 * `followed` where the controller moves traffic first, by a Service's selector or a router, and ends pods later.
 */
export function modeOfRollout({ spec }: Rollout): 'paused' | 'followed' {
  const { blueGreen, canary } = spec.strategy;
  return blueGreen || canary?.trafficRouting ? 'followed' : 'paused';
}

/** How many pods its controller starts of a new template before it is promoted; 0 where the steps of a canary decide. */
export function startsFirst({ spec }: Rollout): number {
  const { blueGreen } = spec.strategy;
  const replicas = spec.replicas ?? 1;
  return blueGreen ? Math.min(replicas, blueGreen.previewReplicaCount ?? replicas) : 0;
}

/** Strategies that fit a Rollout, the one for now first. @param canary whether a new template is on its way */
export function strategiesOf({ spec }: Rollout, canary: boolean): Strategy[] {
  if (spec.strategy.blueGreen) return ['blue-green'];
  return canary ? ['canary', 'rolling'] : ['rolling'];
}

/** Whether what is stable is sent to by this Service: not the preview's, nor the canary's behind a router. */
export function servedBy({ spec }: Rollout, service: string): boolean {
  const { blueGreen, canary } = spec.strategy;
  const only = blueGreen?.activeService ?? canary?.stableService;
  return only === undefined || only === service;
}

/** @throws RollbackError `ROLLOUT_UNSUPPORTED` (exit 2) where the template is not the Rollout's own */
export function refuseWorkloadRef({ metadata, spec }: Rollout): void {
  if (!spec.workloadRef) return;
  const { kind = 'workload', name = '' } = spec.workloadRef;
  throw new RollbackError({
    code: 'ROLLOUT_UNSUPPORTED',
    summary: `rollout/${metadata.name} takes its pod template from ${kind} ${name} (workloadRef)`,
    detail: 'Only a Rollout with a template of its own can be rolled back.',
    fix: `Use its own command: kubectl argo rollouts undo ${metadata.name}`,
    exit: EXIT.usage,
  });
}

/**
 * Services for stable and canary that no router sends to: its controller ends the stable pods before it switches the
 * stable Service. @throws RollbackError `ROLLOUT_UNSUPPORTED` (exit 2)
 */
export function refuseUnrouted({ metadata, spec }: Rollout): void {
  const { canary } = spec.strategy;
  if (canary?.trafficRouting || (!canary?.stableService && !canary?.canaryService)) return;
  throw new RollbackError({
    code: 'ROLLOUT_UNSUPPORTED',
    summary: `rollout/${metadata.name} has Services for stable and canary, and no traffic router`,
    detail: 'Its pods are divided by counts, and what a Service sends to changes only after they ended.',
    fix: `Use its own commands: kubectl argo rollouts abort ${metadata.name}, then kubectl argo rollouts undo ${metadata.name}`,
    exit: EXIT.usage,
  });
}

/** The template of a ReplicaSet as the Rollout had it: without what the controller adds for a time. */
export function asWritten(
  template: PodTemplate,
  annotations: Record<string, string> | undefined,
): PodTemplate {
  const text = annotations?.[EPHEMERAL];
  const added = text === undefined ? {} : (JSON.parse(text) as PodTemplate['metadata']);
  const spec = { ...template.spec };
  const affinity = withoutInjected(spec.affinity as Affinity | undefined);
  if (affinity) spec.affinity = affinity;
  else delete spec.affinity;
  if (text === undefined) return { ...template, spec };
  const { labels, annotations: notes, ...rest } = template.metadata ?? {};
  const metadata = {
    ...rest,
    ...(labels && { labels: without(labels, added?.labels) }),
    ...(notes && { annotations: without(notes, added?.annotations) }),
  };
  return { ...template, metadata, spec };
}

function without(
  map: Record<string, string>,
  keys: Record<string, string> | undefined,
): Record<string, string> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => keys?.[key] === undefined));
}

interface Term {
  podAffinityTerm?: Term;
  labelSelector?: { matchExpressions?: { key: string }[] };
}

interface Affinity {
  podAntiAffinity?: Record<string, Term[] | undefined>;
  [field: string]: unknown;
}

/** Without the terms that keep its canary away from the stable pods (Argo Rollouts, "Anti Affinity"). */
function withoutInjected(affinity: Affinity | undefined): Affinity | undefined {
  if (!affinity?.podAntiAffinity) return affinity;
  const kept = Object.entries(affinity.podAntiAffinity).flatMap(([when, terms = []]) => {
    const own = terms.filter((term) => !isInjected(term.podAffinityTerm ?? term));
    return own.length > 0 ? [[when, own] as const] : [];
  });
  const { podAntiAffinity: _, ...rest } = affinity;
  const whole = kept.length > 0 ? { ...rest, podAntiAffinity: Object.fromEntries(kept) } : rest;
  return Object.keys(whole).length > 0 ? whole : undefined;
}

function isInjected({ labelSelector }: Term): boolean {
  return labelSelector?.matchExpressions?.some(({ key }) => key === ROLLOUT_HASH_LABEL) ?? false;
}
