import type { PatchOperation } from '../../../kubernetes/cluster.ts';
import type { KubernetesObject } from '../../../kubernetes/objects.ts';
import { pointerPart } from '../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../model/error.ts';

/** Kubernetes API reference v1.34, ConfigMap v1 core. */
export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
  /** Base64. */
  binaryData?: Record<string, string>;
  /** The API server refuses every change of the content from then on. */
  immutable?: boolean;
}

/** Replaces an annotation, on condition that it still is `seen`. */
export function swapAnnotation(key: string, seen: string, value: string): PatchOperation[] {
  const path = `/metadata/annotations/${pointerPart(key)}`;
  return [
    { op: 'test', path, value: seen },
    { op: 'replace', path, value },
  ];
}

/** An object of the journal is missing, or is not as it was written. */
export function journalUnreadable(detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'JOURNAL_UNREADABLE',
    summary: 'The journal of a run cannot be read',
    detail,
    fix: 'Put the object back from a backup of the cluster, or delete all of that run to leave it out (docs/state.md).',
    cause,
  });
}

/** A lease or document is not as it was written. */
export function stateUnreadable(detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'STATE_UNREADABLE',
    summary: 'The state in the cluster is damaged',
    detail,
    fix: 'Put the object back from a backup of the cluster, or use the version that wrote it.',
    cause,
  });
}
