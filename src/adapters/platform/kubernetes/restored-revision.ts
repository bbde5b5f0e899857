import { createHash } from 'node:crypto';
import type { Step } from '../../../engine/step.ts';
import { isNotFound } from '../../../kubernetes/api-error.ts';
import { HASH_LABEL, REVISION_ANNOTATION, REVISION_HASH_LABEL } from '../../../kubernetes/names.ts';
import type { ControllerRevision, PodTemplate, ReplicaSet } from '../../../kubernetes/objects.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import { stableJson } from '../../../model/stable-json.ts';
import type { ClusterState } from './cluster-state.ts';
import { deploymentOf, type WorkloadInput, workloadOf } from './steps/workload-step.ts';
import type { WorkloadKind, WorkloadName, WorkloadView } from './view.ts';

export interface CreateRevisionInput extends WorkloadInput {
  /** Id of the revision, as `restoredRevisionId` has it for the workload. */
  release: string;
  template: PodTemplate;
}

/**
 * Id of a revision that no controller has named: known before it is there, the same for the same template.
 * @param workload whose revision it is; default: one whose revisions are told by a hash alone
 */
export function restoredRevisionId(template: PodTemplate, workload?: WorkloadName): string {
  const hash = createHash('sha256').update(stableJson(template)).digest('hex').slice(0, 10);
  return workload?.kind === 'statefulset' ? `${workload.name}-${hash}` : hash;
}

/**
 * Makes the revision of a template before the workload has it, without pods, so that a plan can name it before its
 * controller would. What is there under that name has that content.
 */
export function createRevision(state: ClusterState): Step<CreateRevisionInput, null> {
  return {
    async observe(input, { signal }) {
      const workload = workloadOf(input);
      const path = pathOf(keptIn(workload.kind), state.namespace, nameOf(workload, input));
      try {
        await state.cluster.get(path, { signal });
        return { state: 'done', output: null };
      } catch (error) {
        if (isNotFound(error)) return { state: 'pending', before: null };
        throw error;
      }
    },
    async apply(input, { signal }) {
      const workload = workloadOf(input);
      const view = await state.view(workload, signal);
      const resource = keptIn(workload.kind);
      const body = resource === 'replicasets' ? replicaSet(view, input) : controllerRevision(view, input);
      const path = pathOf(resource, state.namespace);
      state.saw(
        resource,
        await state.cluster.create<ReplicaSet | ControllerRevision>(path, body, { signal }),
      );
      return null;
    },
  };
}

function keptIn(kind: WorkloadKind): 'replicasets' | 'controllerrevisions' {
  return kind === 'statefulset' || kind === 'daemonset' ? 'controllerrevisions' : 'replicasets';
}

/** A StatefulSet's pods are labelled with the whole name of their revision, so there it is the id. */
function nameOf({ kind, name }: WorkloadName, { release }: CreateRevisionInput): string {
  return kind === 'statefulset' ? release : `${name}-${release}`;
}

/**
 * The controller takes up a ReplicaSet that has the Deployment's template instead of making one (Kubernetes
 * documentation, "Deployments", Pod-template-hash label).
 */
function replicaSet(view: WorkloadView, input: CreateRevisionInput): object {
  const { template, release } = input;
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: release };
  const { matchLabels, matchExpressions } = deploymentOf(view).spec.selector;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: nameOf(view.workload, input),
      labels,
      annotations: { [REVISION_ANNOTATION]: String(numberFor(view)) },
      ownerReferences: ownedBy(view, 'Deployment'),
    },
    spec: {
      replicas: 0,
      selector: {
        matchLabels: { ...matchLabels, [HASH_LABEL]: release },
        ...(matchExpressions ? { matchExpressions } : {}),
      },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/**
 * The controllers take up a revision whose data are, byte by byte, what they would make of the workload's template: the
 * template as Go's encoder writes it (Kubernetes 1.34, pkg/controller/history `EqualRevision`, pkg/controller/daemon
 * `Match`, `getPatch` of both).
 */
function controllerRevision(view: WorkloadView, input: CreateRevisionInput): object {
  const { template, release } = input;
  const { kind } = view.workload;
  const hash = kind === 'daemonset' ? { [REVISION_HASH_LABEL]: release } : {};
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: nameOf(view.workload, input),
      labels: { ...template.metadata?.labels, ...hash },
      ownerReferences: ownedBy(view, kind === 'daemonset' ? 'DaemonSet' : 'StatefulSet'),
    },
    data: { spec: { template: { ...template, $patch: 'replace' } } },
    revision: numberFor(view),
  };
}

/**
 * Its number in the history until it is taken up. It never ran, so it is the oldest, unless the history is full: the oldest
 * is the first to be cleaned up. Of two with one number that is the one made first, but for DaemonSets either.
 */
function numberFor({ workload, object, revisions }: WorkloadView): number {
  const { revisionHistoryLimit: limit = 10 } = object.spec;
  if (revisions.length <= limit) return 0;
  const numbers = revisions.map(({ number }) => number);
  const second = Math.min(...numbers) + 1;
  // Were it the newest, a StatefulSet would look for the one that it runs anew, and where defaults changed with an
  // upgrade not find it and roll its pods.
  return workload.kind === 'daemonset' ? second : Math.min(second, Math.max(...numbers) - 1);
}

function ownedBy({ object }: WorkloadView, kind: string): object[] {
  const { name, uid } = object.metadata;
  return [{ apiVersion: 'apps/v1', kind, name, uid, controller: true, blockOwnerDeletion: true }];
}
