import { PREFIX } from '../../../../kubernetes/names.ts';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import { pointerPart } from '../../../../kubernetes/resource-paths.ts';

/** Annotation on a reconciler's object: JSON of `Suspension`. */
export const SUSPENDED_ANNOTATION = `${PREFIX}/suspended`;
export const SUSPENDED_POINTER = `/metadata/annotations/${pointerPart(SUSPENDED_ANNOTATION)}`;

/** Who suspended a reconciler, why, and what to put back. */
export interface Suspension {
  run: string;
  by: string;
  why: string;
  /** ISO 8601. */
  at: string;
  /** Argo CD: `spec.syncPolicy.automated` as it was. Flux: `spec.suspend` as it was; null where it was not there. */
  before: unknown;
  /** Why it was left suspended at the end of the run; not there while the run lasts. */
  left?: string;
}

/** What the annotation says; undefined where there is none, or somebody made it unreadable. */
export function suspensionOf({ metadata }: KubernetesObject): Suspension | undefined {
  const text = metadata.annotations?.[SUSPENDED_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Suspension;
  } catch {
    return undefined;
  }
}
