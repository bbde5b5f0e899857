import type { Manifest } from './manifests.ts';

/** Written by the API server and the controllers, not by whoever configures the object. */
const SERVER_FIELDS = [
  'managedFields',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'uid',
  'selfLink',
];
const SERVER_ANNOTATIONS = [
  'deployment.kubernetes.io/revision',
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.daemonset.template.generation',
];

export interface ComparableOptions {
  /** Leaves out the image of each container, which a rollback is there to change (default: false). */
  withoutImages?: boolean;
}

/**
 * The object as someone configured it: spec, labels, annotations, without status and the fields that the server counts
 * up. Two of these are equal exactly where nobody changed anything; compare with `toEqual`.
 */
export function comparable(object: Manifest, options: ComparableOptions = {}): Manifest {
  const copy = structuredClone(object);
  const { metadata } = copy;
  for (const field of SERVER_FIELDS) delete metadata[field];
  for (const name of SERVER_ANNOTATIONS) delete metadata.annotations?.[name];
  // An object without any and one with none left mean the same.
  if (Object.keys(metadata.annotations ?? {}).length === 0) delete metadata.annotations;
  if (Object.keys(metadata.labels ?? {}).length === 0) delete metadata.labels;
  delete copy.status;
  if (options.withoutImages) for (const container of containersOf(copy)) delete container.image;
  return copy;
}

interface Container {
  image?: string;
}

function containersOf(object: Manifest): Container[] {
  const spec = object.spec as
    | { template?: { spec?: { containers?: Container[]; initContainers?: Container[] } } }
    | undefined;
  const pod = spec?.template?.spec;
  return [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])];
}
