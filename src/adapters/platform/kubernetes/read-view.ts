import { isDeepStrictEqual } from 'node:util';
import {
  BEFORE_ANNOTATION,
  HASH_LABEL,
  REVISION_ANNOTATION,
  REVISION_HASH_LABEL,
  ROLLOUT_HASH_LABEL,
  SERVING_LABEL,
} from '../../../kubernetes/names.ts';
import type {
  ControllerRevision,
  KubernetesObject,
  Pod,
  PodTemplate,
  ReplicaSet,
  Rollout,
  Service,
} from '../../../kubernetes/objects.ts';
import type { Collections } from './collections.ts';
import { asWritten, refuseWorkloadRef, servedBy } from './rollout/read-rollout.ts';
import type { Revision, WorkloadName, WorkloadView } from './view.ts';

const ROLLOUT_REVISION = 'rollout.argoproj.io/revision';
const CAUSE = 'kubernetes.io/change-cause';

/** Puts one workload together from what a namespace has; undefined where it is not there. */
export function viewOf(workload: WorkloadName, all: Collections): WorkloadView | undefined {
  const found = objectOf(workload, all);
  if (!found) return undefined;
  const object = found as WorkloadView['object'];
  if (workload.kind === 'rollout') refuseWorkloadRef(object as Rollout);
  const sets = all.replicasets.filter((set) => isOwnedBy(set, object));
  const revisions =
    workload.kind === 'deployment' || workload.kind === 'rollout'
      ? sets.map(revisionOfSet)
      : all.controllerrevisions.filter((one) => isOwnedBy(one, object)).map(revisionOfController);
  revisions.sort((a, b) => b.number - a.number || a.createdAt.localeCompare(b.createdAt));
  const owners = new Set([object.metadata.uid, ...sets.map(({ metadata }) => metadata.uid)]);
  const pods = all.pods.filter((pod) => owners.has(ownerOf(pod) ?? ''));
  // One that publishes pods before they are ready is how they find each other: nobody is taken out of that.
  const services = all.services.filter(
    (service) =>
      !service.spec.publishNotReadyAddresses &&
      selects(originalSelector(service), object.spec.template) &&
      (workload.kind !== 'rollout' || servedBy(object as Rollout, service.metadata.name)),
  );
  const names = new Set(services.map(({ metadata }) => metadata.name));
  return {
    workload,
    object,
    revisions,
    current: currentRevision(object, revisions),
    pods,
    services,
    slices: all.endpointslices.filter((slice) =>
      names.has(slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''),
    ),
  };
}

/** The revision that a workload's template makes; undefined while its controller has not taken it up. */
export function currentRevision(
  object: WorkloadView['object'],
  revisions: readonly Revision[],
): string | undefined {
  const same = revisions.find((revision) => sameTemplate(revision.template, object.spec.template));
  if (same) return same.id;
  // What the API server fills in is in the template of a ReplicaSet only, so of a Rollout its controller must say it.
  const { currentPodHash, observedGeneration } = (object as Rollout).status ?? {};
  const isObserved = Number(observedGeneration ?? 0) >= (object.metadata.generation ?? 0);
  return isObserved ? revisions.find(({ id }) => id === currentPodHash)?.id : undefined;
}

/** Whether two templates are the same to a controller: but for the label that tells ReplicaSets apart. */
export function sameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return isDeepStrictEqual(plainTemplate(a), plainTemplate(b));
}

/** The selector that a Service had before a run added to it. */
export function originalSelector({ metadata, spec }: Service): Record<string, string> {
  const before = metadata.annotations?.[BEFORE_ANNOTATION];
  const selector =
    before === undefined
      ? spec.selector
      : (JSON.parse(before) as { selector?: Record<string, string> }).selector;
  // That one is its controller's, which tells by it which revision is active.
  const { [ROLLOUT_HASH_LABEL]: _, ...original } = selector ?? {};
  return original;
}

/** An empty selector selects nothing (Kubernetes API, ServiceSpec). */
function selects(selector: Record<string, string>, template: PodTemplate): boolean {
  return Object.keys(selector).length > 0 && hasLabels(selector, template.metadata?.labels ?? {});
}

export function hasLabels(selector: Record<string, string>, labels: Record<string, string>): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** The revision that a pod was made from. */
export function revisionOfPod({ metadata }: Pod): string {
  const {
    [HASH_LABEL]: set,
    [ROLLOUT_HASH_LABEL]: rollout,
    [REVISION_HASH_LABEL]: other,
  } = metadata.labels ?? {};
  return set ?? rollout ?? other ?? '';
}

function objectOf({ kind, name }: WorkloadName, all: Collections): KubernetesObject | undefined {
  const byKind: Partial<Record<WorkloadName['kind'], readonly KubernetesObject[]>> = {
    deployment: all.deployments,
    statefulset: all.statefulsets,
    daemonset: all.daemonsets,
    rollout: all.rollouts,
  };
  return byKind[kind]?.find(({ metadata }) => metadata.name === name);
}

function ownerOf({ metadata }: KubernetesObject): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
}

function isOwnedBy(object: KubernetesObject, owner: KubernetesObject): boolean {
  return ownerOf(object) === owner.metadata.uid;
}

function revisionOfSet({ metadata, spec, status }: ReplicaSet): Revision {
  return {
    id: metadata.labels?.[HASH_LABEL] ?? metadata.labels?.[ROLLOUT_HASH_LABEL] ?? metadata.name,
    number: Number(
      metadata.annotations?.[REVISION_ANNOTATION] ?? metadata.annotations?.[ROLLOUT_REVISION] ?? 0,
    ),
    template: plainTemplate(asWritten(spec.template, metadata.annotations)),
    createdAt: metadata.creationTimestamp,
    changeCause: metadata.annotations?.[CAUSE],
    object: {
      resource: 'replicasets',
      name: metadata.name,
      uid: metadata.uid,
      annotations: metadata.annotations,
      minReadySeconds: spec.minReadySeconds,
      serving: spec.template.metadata?.labels?.[SERVING_LABEL] !== undefined,
    },
    replicas: spec.replicas ?? 1,
    available: status?.availableReplicas ?? 0,
  };
}

function revisionOfController({ metadata, revision, data }: ControllerRevision): Revision {
  const { $patch: _, ...template } = data.spec.template;
  return {
    // A StatefulSet's pods are labelled with the whole name, a DaemonSet's with the hash that is a label here, too.
    id: metadata.labels?.[REVISION_HASH_LABEL] ?? metadata.name,
    number: revision,
    template,
    createdAt: metadata.creationTimestamp,
    changeCause: metadata.annotations?.[CAUSE],
    object: { resource: 'controllerrevisions', name: metadata.name, uid: metadata.uid },
    replicas: undefined,
  };
}

/** Without what a controller or a run adds to the template of a ReplicaSet. */
function plainTemplate(template: PodTemplate): PodTemplate {
  const {
    [HASH_LABEL]: _,
    [ROLLOUT_HASH_LABEL]: __,
    [SERVING_LABEL]: ___,
    ...labels
  } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}
