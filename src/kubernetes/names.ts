/**
 * What the product writes on objects of a cluster, all under one prefix, so that `kubectl get -l` and `doctor --fix`
 * find all of it.
 */
export const PREFIX = 'rollback-deploy-auto';
/** Label of pods that get traffic while a run lasts; Services select by it then. */
export const SERVING_LABEL = `${PREFIX}/serving`;
/**
 * Label of Services that a run holds. Their controller copies it to their EndpointSlices, which thus tell whether it has
 * seen the Service held, or let go.
 */
export const HELD_LABEL = `${PREFIX}/held`;
/** Annotation: id of the run that moves the object. */
export const RUN_ANNOTATION = `${PREFIX}/run`;
/** Annotation: fencing number of the lease under which the object was last written. */
export const EPOCH_ANNOTATION = `${PREFIX}/epoch`;
/** Annotation: JSON of the fields a run changes for its time, as they were before. */
export const BEFORE_ANNOTATION = `${PREFIX}/before`;
/** Label of the objects that keep journal, documents, snapshots and copies; its value says which. */
export const KIND_LABEL = `${PREFIX}/kind`;
/** Label: the service that a kept object belongs to. */
export const SERVICE_LABEL = `${PREFIX}/service`;
/** Annotation on a pod: since when it is taken out of rotation, ISO 8601. */
export const OUT_SINCE_ANNOTATION = `${PREFIX}/out-since`;
/** Annotation on a Deployment that a run scaled: how many pods it was asked for before. */
export const SCALED_FROM_ANNOTATION = `${PREFIX}/scaled-from`;
/**
 * Label on a Deployment that gets no traffic any more: until when its pods are kept running, UTC, e.g.
 * `2026-11-24T02.10.21Z`. No annotation: a controller copies those to ReplicaSets, where they would stay.
 */
export const WARM_UNTIL_LABEL = `${PREFIX}/warm-until`;
/** How low a pod's deletion counts (Kubernetes documentation, "ReplicaSet", Pod deletion cost). */
export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';
/** Annotation on a ReplicaSet: its number in the history of its Deployment. */
export const REVISION_ANNOTATION = 'deployment.kubernetes.io/revision';
/** Label by which a Deployment tells the pods of its ReplicaSets apart. */
export const HASH_LABEL = 'pod-template-hash';
/** The same of StatefulSets, whose value is the revision's name, and of DaemonSets. */
export const REVISION_HASH_LABEL = 'controller-revision-hash';
/** The same of an Argo Rollout; its controller adds it to the selectors of Services that it switches, too. */
export const ROLLOUT_HASH_LABEL = 'rollouts-pod-template-hash';
/** Field manager of every write (server-side apply, "Field management"). */
export const FIELD_MANAGER = 'rollback-deploy-auto';
