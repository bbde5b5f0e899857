import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { WARM_UNTIL_LABEL } from '../../../../kubernetes/names.ts';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import { pointerPart } from '../../../../kubernetes/resource-paths.ts';

const PATH = `/metadata/labels/${pointerPart(WARM_UNTIL_LABEL)}`;

/** Until when a Deployment is kept warm, ISO 8601; undefined where it is not, or the note can't be read. */
export function warmUntilOf({ metadata }: Pick<KubernetesObject, 'metadata'>): string | undefined {
  const until = metadata.labels?.[WARM_UNTIL_LABEL]?.replaceAll('.', ':');
  return until === undefined || Number.isNaN(Date.parse(until)) ? undefined : until;
}

/** Writes the note. @param untilMs since the epoch */
export function noteWarm({ metadata }: KubernetesObject, untilMs: number): PatchOperation[] {
  // A label's value has no colons (Kubernetes documentation, "Labels and Selectors").
  const value = `${new Date(untilMs).toISOString().slice(0, 19)}Z`.replaceAll(':', '.');
  if (metadata.labels !== undefined) return [{ op: 'add', path: PATH, value }];
  return [
    { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    { op: 'add', path: '/metadata/labels', value: { [WARM_UNTIL_LABEL]: value } },
  ];
}

/** Takes the note away; nothing where there is none. */
export function forgetWarm({ metadata }: KubernetesObject): PatchOperation[] {
  const value = metadata.labels?.[WARM_UNTIL_LABEL];
  if (value === undefined) return [];
  return [
    { op: 'test', path: PATH, value },
    { op: 'remove', path: PATH },
  ];
}
