import { usedOnce } from './fold-objects.ts';
import type { Place, Report } from './verdict.ts';

/** What it means for the old code that an enumeration has other values. */
export function compareLabels(
  where: string,
  old: readonly string[],
  now: readonly string[],
  place: Place | undefined,
  report: Report,
): void {
  for (const label of old.filter((each) => !now.includes(each))) {
    const why = `The old code's writes of '${label}' to ${where} fail: there is no such value any more.`;
    const fix = 'Keep the value until no release that may be gone back to uses it.';
    report('remove-enum-value', 'writes-fail', place, why, fix);
  }
  for (const label of now.filter((each) => !old.includes(each))) {
    reportAdded(label, where, place, report);
  }
}

export function reportAdded(label: string, where: string, place: Place | undefined, report: Report): void {
  const why = `Rows that hold '${label}' are new to the old code.`;
  const fix = `Use '${label}' only once no release that may be gone back to lacks it.`;
  report('add-enum-value', 'conditional', place, why, fix, usedOnce(label, where));
}
