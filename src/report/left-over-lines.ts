import type { Drained } from '../model/drained.ts';
import type { Noun } from '../model/plan.ts';
import type { SuspendedReconciler } from '../model/suspended.ts';
import { count, stopped } from './format.ts';

/** `none`, `30`, or that it could not be seen, and of how many instances. */
export function cutText(drained: Drained | undefined, noun: Noun): string {
  if (drained === undefined) return 'none: nothing was drained';
  const { cut, unseen } = drained;
  if (unseen === 0) return cut === 0 ? 'none' : String(cut);
  const unknown = `those of ${count(unseen, noun)} could not be seen`;
  return cut === 0 ? `not known: ${unknown}` : `${cut}, and ${unknown}`;
}

/** What the run leaves that somebody must know of: connections that were cut, and what stays suspended. */
export function leftOverLines(
  drained: Drained | undefined,
  reconcilers: SuspendedReconciler[],
  noun: Noun,
): string[] {
  const isCut = drained !== undefined && drained.cut + drained.unseen > 0;
  return [...(isCut ? [`Connections cut: ${cutText(drained, noun)}.`] : []), ...reconcilerLines(reconcilers)];
}

/** What does not reconcile, and how to resume it. */
export function reconcilerLines(reconcilers: SuspendedReconciler[]): string[] {
  return reconcilers
    .filter(({ resumed }) => !resumed)
    .flatMap(({ name, why, fix }) => [
      `${name} stays suspended: ${stopped(why)}`,
      ...(fix === undefined ? [] : [`  ${fix}`]),
    ]);
}
