import type { Container, PodTemplate } from '../../../kubernetes/objects.ts';
import { emptyHistogram } from '../../../model/histogram.ts';
import type { ImageReference, Release } from '../../../model/release.ts';
import { revisionOfPod } from './read-view.ts';
import { isReady } from './rotation.ts';
import type { Revision, WorkloadView } from './view.ts';

/** What was recorded of a revision when it was seen; see the snapshots of the configuration. */
export interface SeenRevision {
  /** `sha256:...` of the first container's image. */
  digest: string | undefined;
  /** ISO 8601; undefined where it was never seen fully available. */
  availableAt: string | undefined;
  configuration: Release['configuration'] | undefined;
}

/** A revision as a release. */
export function releaseOf(
  view: WorkloadView,
  revision: Revision,
  seen: SeenRevision | undefined,
  nowMs: number,
): Release {
  const pods = view.pods.filter((pod) => revisionOfPod(pod) === revision.id);
  const successor = [...view.revisions].reverse().find(({ number }) => number > revision.number);
  const until = successor && revision.id !== view.current ? Date.parse(successor.createdAt) : nowMs;
  const ready = pods.filter(isReady);
  const desired = desiredOf(view);
  return {
    id: revision.id,
    version: versionOf(revision.template),
    image: imageOf(view, revision, seen),
    deployedAt: revision.createdAt,
    deployedBy: revision.changeCause ?? 'unknown',
    configuration: seen?.configuration ?? { environment: {}, secrets: {}, files: [] },
    migrations: undefined,
    wasAvailable:
      seen?.availableAt !== undefined || (desired > 0 && ready.length >= desired) ? true : undefined,
    evidence: {
      servedMs: Math.max(0, until - Date.parse(revision.createdAt)),
      requests: 0,
      errors: 0,
      latency: emptyHistogram(),
      probesPassed: 0,
      probesFailed: 0,
      crashes: pods.reduce(
        (sum, { status }) =>
          sum + (status.containerStatuses ?? []).reduce((n, one) => n + one.restartCount, 0),
        0,
      ),
      startMs: slowestStart(ready),
    },
  };
}

/** The version that people know it by: the label, else the tag, else the beginning of the digest. */
export function versionOf(template: PodTemplate): string {
  const label = template.metadata?.labels?.['app.kubernetes.io/version'];
  if (label) return label;
  const [container] = template.spec.containers;
  const { tag, digest } = splitImage(container?.image ?? '');
  return tag ?? digest?.slice('sha256:'.length, 'sha256:'.length + 12) ?? 'latest';
}

/** How many pods a workload shall have. */
export function desiredOf({ workload, object }: WorkloadView): number {
  if (workload.kind === 'daemonset') {
    return (object as { status?: { desiredNumberScheduled?: number } }).status?.desiredNumberScheduled ?? 0;
  }
  return (object.spec as { replicas?: number }).replicas ?? 1;
}

/** `host:port/name:tag@digest` in its parts (OCI distribution specification, "Pulling manifests"). */
export function splitImage(image: string): {
  name: string;
  tag: string | undefined;
  digest: string | undefined;
} {
  const [rest = '', digest] = image.split('@');
  const colon = rest.lastIndexOf(':');
  if (colon < 0 || rest.indexOf('/', colon) >= 0) return { name: rest, tag: undefined, digest };
  return { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
}

/** The digest by which its pods pulled it, where it is known: from the template, from running pods, from a snapshot. */
function imageOf(view: WorkloadView, revision: Revision, seen: SeenRevision | undefined): ImageReference {
  const container = revision.template.spec.containers[0] as Container;
  const pulled = view.pods
    .filter((pod) => revisionOfPod(pod) === revision.id)
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .find(({ name, imageID }) => name === container.name && imageID.includes('@sha256:'))?.imageID;
  const digest = splitImage(container.image).digest ?? splitImage(pulled ?? '').digest ?? seen?.digest ?? '';
  return { reference: container.image.split('@')[0] as string, digest };
}

function slowestStart(pods: WorkloadView['pods']): number | undefined {
  const times = pods.flatMap(({ metadata, status }) => {
    const ready = status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
    // A pod that became ready again later tells nothing of its start.
    const restarted = status.containerStatuses?.some(({ restartCount }) => restartCount > 0);
    return ready && !restarted ? [Date.parse(ready) - Date.parse(metadata.creationTimestamp)] : [];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}
