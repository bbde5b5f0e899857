import { FIELD_MANAGER } from '../../../../kubernetes/names.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import type { OtherObjects, Owner } from './owner.ts';

const HELM_RELEASE = 'meta.helm.sh/release-name';
const HELM_NAMESPACE = 'meta.helm.sh/release-namespace';
const ARGO_TRACKING = 'argocd.argoproj.io/tracking-id';
const INSTANCE = 'app.kubernetes.io/instance';
const ARGO_MANAGER = 'argocd-controller';
const FLUX = [
  ['flux-kustomization', 'kustomize.toolkit.fluxcd.io'],
  ['flux-helm-release', 'helm.toolkit.fluxcd.io'],
] as const;

/** Managers that are the user, the product, the cluster, or named above by what they leave besides. */
const KNOWN_MANAGERS =
  /^(kubectl.*|kube-controller-manager|helm|argocd-controller|argocd-application-controller|kustomize-controller|helm-controller|keda-operator)$/;

/** Who else writes these workloads, as the objects themselves show it. Pure. */
export function ownersOf(views: WorkloadView[], others: OtherObjects): Owner[] {
  return views.flatMap((view) => [
    ...operators(view),
    ...helm(view, others),
    ...argoCd(view),
    ...flux(view),
    ...scalers(view, others),
    ...fieldManagers(view),
  ]);
}

/** Name and namespace of the Helm releases that workloads say they are of. */
export function helmReleasesOf(views: WorkloadView[]): { release: string; namespace: string }[] {
  const found = views.flatMap((view) => helmNameOf(view) ?? []);
  return [...new Map(found.map((one) => [`${one.namespace}/${one.release}`, one])).values()];
}

function operators({ workload, object }: WorkloadView): Owner[] {
  return (object.metadata.ownerReferences ?? [])
    .filter(({ controller }) => controller)
    .map(({ apiVersion, kind, name }) => ({
      workload: workloadText(workload),
      kind: 'operator',
      owner: { apiVersion, kind, name },
      evidence: `${workloadText(workload)} has ${kind} ${name} (${apiVersion}) as its controller.`,
    }));
}

function helm(view: WorkloadView, { helmReleases }: OtherObjects): Owner[] {
  const found = helmNameOf(view);
  if (!found) return [];
  const { release, namespace } = found;
  const newest = helmReleases.get(`${namespace}/${release}`);
  const workload = workloadText(view.workload);
  const says = newest
    ? `Revision ${newest.revision} is ${newest.status}${newest.chart ? `, chart ${newest.chart}` : ''}.`
    : 'Its revisions are not known.';
  const evidence = `${workload} is part of the Helm release ${release} in ${namespace}. ${says}`;
  return [{ workload, kind: 'helm', release, namespace, newest, evidence }];
}

function helmNameOf({
  object: { metadata },
}: WorkloadView): { release: string; namespace: string } | undefined {
  const release = metadata.annotations?.[HELM_RELEASE];
  if (metadata.labels?.['app.kubernetes.io/managed-by'] !== 'Helm' || release === undefined) return undefined;
  return { release, namespace: metadata.annotations?.[HELM_NAMESPACE] ?? metadata.namespace ?? 'default' };
}

/** A tracking id is `APPLICATION:GROUP/KIND:NAMESPACE/NAME`; it is copied along with the object's annotations. */
function argoCd({ workload, object: { metadata, ...object } }: WorkloadView): Owner[] {
  const name = workloadText(workload);
  const tracking = metadata.annotations?.[ARGO_TRACKING] ?? metadata.labels?.[ARGO_TRACKING];
  if (tracking !== undefined) {
    const [application = '', type = '', place = ''] = tracking.split(':');
    const isOwn =
      place === '' ||
      (place.endsWith(`/${metadata.name}`) && type.endsWith(`/${kindOf(object, workload.kind)}`));
    if (!isOwn) return [];
    // Applications outside of Argo CD's own namespace are tracked as NAMESPACE_NAME.
    const [first = '', second] = application.split('_');
    return [
      {
        workload: name,
        kind: 'reconciler',
        reconciler: { kind: 'argo-cd', name: second ?? first, namespace: second ? first : undefined },
        evidence: `${name} is tracked by Argo CD: ${tracking}.`,
      },
    ];
  }
  const instance = metadata.labels?.[INSTANCE];
  const isManaged = metadata.managedFields?.some(({ manager }) => manager === ARGO_MANAGER);
  if (instance === undefined || !isManaged) return [];
  const evidence = `${name} was written by ${ARGO_MANAGER}; its label ${INSTANCE} says ${instance}.`;
  const reconciler = { kind: 'argo-cd' as const, name: instance, namespace: undefined };
  return [{ workload: name, kind: 'reconciler', reconciler, evidence }];
}

function kindOf({ kind }: { kind?: string }, workloadKind: string): string {
  const kinds: Record<string, string> = {
    deployment: 'Deployment',
    statefulset: 'StatefulSet',
    daemonset: 'DaemonSet',
    rollout: 'Rollout',
  };
  // Items of a list come without their kind.
  return kind ?? kinds[workloadKind] ?? '';
}

function flux({ workload, object: { metadata } }: WorkloadView): Owner[] {
  return FLUX.flatMap(([kind, group]): Owner[] => {
    const name = metadata.labels?.[`${group}/name`];
    const namespace = metadata.labels?.[`${group}/namespace`];
    if (name === undefined || namespace === undefined) return [];
    const evidence = `${workloadText(workload)} has the labels of ${group}: ${namespace}/${name}.`;
    return [
      {
        workload: workloadText(workload),
        kind: 'reconciler',
        reconciler: { kind, name, namespace },
        evidence,
      },
    ];
  });
}

function scalers({ workload, object }: WorkloadView, others: OtherObjects): Owner[] {
  const scales = ({ kind = 'Deployment', name }: { kind?: string; name: string }) =>
    kind.toLowerCase() === workload.kind && name === object.metadata.name;
  const text = workloadText(workload);
  const evidence = (name: string, min: number | undefined, max: number | undefined) =>
    `${name} scales ${text} between ${min ?? 'its least'} and ${max ?? 'its most'} pods.`;
  return [
    ...others.autoscalers
      .filter(({ spec }) => scales(spec.scaleTargetRef))
      .map(({ metadata: { name }, spec: { minReplicas: min = 1, maxReplicas: max } }): Owner => {
        return { workload: text, kind: 'hpa', name, min, max, evidence: evidence(`HPA ${name}`, min, max) };
      }),
    ...others.scaledObjects
      .filter(({ spec }) => scales(spec.scaleTargetRef))
      .map(
        ({ metadata: { name }, spec: { minReplicaCount: min = 0, maxReplicaCount: max = 100 } }): Owner => {
          const says = evidence(`ScaledObject ${name}`, min, max);
          return { workload: text, kind: 'keda', name, min, max, evidence: says };
        },
      ),
  ];
}

function fieldManagers({ workload, object: { metadata } }: WorkloadView): Owner[] {
  return (metadata.managedFields ?? []).flatMap(({ manager, operation, subresource, fieldsV1 }): Owner[] => {
    if (subresource || manager === FIELD_MANAGER || KNOWN_MANAGERS.test(manager)) return [];
    const spec = (fieldsV1 as { 'f:spec'?: Record<string, unknown> } | undefined)?.['f:spec'] ?? {};
    const fields = (['template', 'replicas'] as const).filter((field) => `f:${field}` in spec);
    if (fields.length === 0) return [];
    const text = workloadText(workload);
    const evidence = `${manager} wrote ${fields.map((field) => `spec.${field}`).join(' and ')} of ${text}.`;
    return [
      { workload: text, kind: 'field-manager', manager, declares: operation === 'Apply', fields, evidence },
    ];
  });
}
