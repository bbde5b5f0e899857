import type { Cluster } from '../../../../kubernetes/cluster.ts';
import type { KubernetesObject, PodTemplate } from '../../../../kubernetes/objects.ts';
import type { WorkloadView } from '../view.ts';
import { sourceOf } from './git-revert.ts';
import { reconcilerPath } from './reconciler-object.ts';
import { reconcilersOf } from './reconcilers-of.ts';
import { revertPatch } from './revert-patch.ts';

export interface WrittenRevertInput {
  cluster: Cluster;
  views: WorkloadView[];
  /** What the workloads are to get; the images of the first say what to look for. */
  targets: { template: PodTemplate }[];
  /** Absolute. */
  clone: string;
  signal: AbortSignal;
}

/**
 * The patches, one after the other, that take git back for every reconciler that would write the workloads now.
 * @returns undefined where none can be made: git-revert.ts then has the commands
 * @throws ApiError
 */
export async function writtenRevert(input: WrittenRevertInput): Promise<string | undefined> {
  const { cluster, views, targets, clone, signal } = input;
  const image = targets[0]?.template.spec.containers[0]?.image;
  if (image === undefined) return undefined;
  const patches: string[] = [];
  for (const name of await reconcilersOf(cluster, views, signal)) {
    const path = await reconcilerPath(cluster, name, signal);
    const object = await cluster.get<KubernetesObject>(path, { signal });
    const source = await sourceOf(cluster, name.kind, object, signal);
    if (source?.commit === undefined) continue;
    const patch = await revertPatch({ clone, commit: source.commit, path: source.path, image }, signal);
    if (patch !== undefined) patches.push(patch);
  }
  return patches.length > 0 ? patches.join('') : undefined;
}
