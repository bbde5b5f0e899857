import type { Container, Pod } from '../../../kubernetes/objects.ts';

/**
 * A pod without most of its specification: what containers mount and are given is read in templates, and there may be
 * thousands of pods.
 */
export function keptOfPod({ metadata, spec: { nodeName, containers }, status }: Pod): Pod {
  return {
    metadata,
    spec: { ...(nodeName !== undefined && { nodeName }), containers: containers.map(keptOfContainer) },
    status,
  };
}

function keptOfContainer({ name, image, ports, readinessProbe }: Container): Container {
  return { name, image, ...(ports && { ports }), ...(readinessProbe && { readinessProbe }) };
}
