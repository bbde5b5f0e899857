import type { Cluster } from '../../../kubernetes/cluster.ts';
import {
  BEFORE_ANNOTATION,
  DELETION_COST_ANNOTATION,
  EPOCH_ANNOTATION,
  HASH_LABEL,
  OUT_SINCE_ANNOTATION,
  RUN_ANNOTATION,
  SCALED_FROM_ANNOTATION,
  SERVING_LABEL,
} from '../../../kubernetes/names.ts';
import type { KubernetesObject, Pod, Service } from '../../../kubernetes/objects.ts';
import type { Leftover } from '../platform.ts';
import { fieldsBefore, type HeldService } from './held.ts';
import { reconcilerText } from './owners/owner.ts';
import { readReconciler } from './owners/reconciler-findings.ts';
import { reconcilersOf } from './owners/reconcilers-of.ts';
import { byHand } from './owners/resume-reconciler.ts';
import { suspensionOf } from './owners/suspension.ts';
import { isAlive } from './rotation.ts';
import { markedSets } from './steps/clean-sets.ts';
import { isNarrowed } from './steps/hold-traffic.ts';
import { type WorkloadView, workloadText } from './view.ts';

const RUN_KEYS = [RUN_ANNOTATION, BEFORE_ANNOTATION, EPOCH_ANNOTATION, SCALED_FROM_ANNOTATION];

/**
 * What runs wrote on the workloads, their Services and their pods, and on reconcilers.
 * @throws ApiError where a workload can't be read
 */
export async function leftoversOf(
  cluster: Cluster,
  views: WorkloadView[],
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<Leftover[]> {
  const own = views.flatMap((view) => ofView(view, pods));
  return [...own, ...(await suspended(cluster, views, signal))];
}

/** Whether anything of a run is on the workload, its Services, its ReplicaSets or its pods. */
export function hasMarks(view: WorkloadView): boolean {
  return ofView(view, view.pods).length > 0 || markedSets(view).length > 0;
}

function ofView(view: WorkloadView, pods: readonly Pod[]): Leftover[] {
  const by = view.services.some(isHeldWhole) ? 'all' : 'each';
  const run = [view.object, ...view.services].map(runOf).find((id) => id !== undefined);
  const left = (says: string, of = run): Leftover => ({ says, run: of, byHand: undefined, by });
  const found: Leftover[] = [];
  if (isMarked(view.object)) {
    const held = JSON.parse(view.object.metadata.annotations?.[BEFORE_ANNOTATION] ?? '{}') as object;
    const fields = Object.keys(held).join(', ');
    const says = fields === '' ? 'has annotations of a run' : `has ${fields} as a run set them`;
    found.push(left(`${workloadText(view.workload)} ${says}`, runOf(view.object)));
  }
  for (const service of view.services) {
    if (!isMarked(service) && !isNarrowed(service)) continue;
    found.push(left(`service/${service.metadata.name} ${selectorText(service)}`, runOf(service)));
  }
  const uids = new Set(view.pods.map(({ metadata }) => metadata.uid));
  const marked = pods.filter((pod) => uids.has(pod.metadata.uid) && isAlive(pod) && isPodMarked(pod));
  if (marked.length > 0) {
    const out = marked.filter(({ metadata }) => metadata.annotations?.[OUT_SINCE_ANNOTATION] !== undefined);
    const taken = out.length === 0 ? '' : `, ${out.length} of them taken out of traffic`;
    found.push(left(`${marked.length} pods of ${workloadText(view.workload)} are marked by a run${taken}`));
  }
  return found;
}

/** Whether all of its traffic was to go over in one change. */
function isHeldWhole(service: Service): boolean {
  const { selector } = service.spec;
  return selector?.[HASH_LABEL] !== undefined && fieldsBefore<HeldService>(service)?.by !== 'each';
}

function selectorText({ spec }: Service): string {
  if (spec.selector?.[SERVING_LABEL] !== undefined)
    return `sends only to pods with the label ${SERVING_LABEL}`;
  const hash = spec.selector?.[HASH_LABEL];
  if (hash !== undefined) return `sends only to pods of revision ${hash}`;
  return 'has annotations of a run';
}

function isMarked({ metadata }: KubernetesObject): boolean {
  return RUN_KEYS.some((key) => metadata.annotations?.[key] !== undefined);
}

function isPodMarked({ metadata }: Pod): boolean {
  const { labels, annotations } = metadata;
  if (labels?.[SERVING_LABEL] !== undefined || annotations?.[OUT_SINCE_ANNOTATION] !== undefined) return true;
  return annotations?.[DELETION_COST_ANNOTATION] !== undefined && annotations[EPOCH_ANNOTATION] !== undefined;
}

function runOf({ metadata }: KubernetesObject): string | undefined {
  return metadata.annotations?.[RUN_ANNOTATION];
}

async function suspended(cluster: Cluster, views: WorkloadView[], signal: AbortSignal): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const name of await reconcilersOf(cluster, views, signal)) {
    const object = (await readReconciler({ cluster, signal }, name))?.object;
    const suspension = object && suspensionOf(object);
    if (!suspension) continue;
    const { run, at, by, why, left } = suspension;
    const because = left ?? (why === '' ? 'for the time of a rollback' : why);
    const says = `${reconcilerText(name)} is suspended since ${at} by ${by}: ${because}`;
    found.push({ says, run, byHand: [byHand(name)], by: 'each' });
  }
  return found;
}
