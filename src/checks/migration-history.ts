import type { HistoryEntry, HistoryProblem } from '../model/migration-history.ts';
import type { Migration } from '../model/release.ts';

/**
 * What is not as it should be between what a live database says is applied and the migrations of the newest release, in the
 * tool's order: failed ones, files that were changed or are gone, and an order that is not that of the files. Pure.
 */
export function compareHistory(
  entries: readonly HistoryEntry[],
  shipped: readonly Migration[],
  tool: string,
): HistoryProblem[] {
  const files = new Map(shipped.map((migration) => [migration.version, migration]));
  return [
    ...entries.filter(({ state }) => state === 'failed').map((entry) => failed(entry, files, tool)),
    ...changed(entries, files, tool),
    ...missing(entries, files),
    ...gaps(entries, shipped),
    ...outOfOrder(entries, shipped),
  ];
}

type Files = ReadonlyMap<string, Migration>;

function failed({ version }: HistoryEntry, files: Files, tool: string): HistoryProblem {
  return {
    kind: 'failed',
    version,
    file: files.get(version)?.file,
    why: `${version} was begun and not finished: which of its statements took effect is not known.`,
    fix: `Bring the schema to one side of it by hand and mark it so with ${tool}, or restore a backup.`,
  };
}

function changed(entries: readonly HistoryEntry[], files: Files, tool: string): HistoryProblem[] {
  return entries.flatMap(({ version, state, checksum }): HistoryProblem[] => {
    const file = files.get(version);
    if (state !== 'applied' || checksum === undefined || !file?.checksums || file.repeatable) return [];
    if (file.checksums.includes(checksum)) return [];
    const why = `${file.file} is not what was applied: ${tool} recorded the checksum ${checksum}, the file has ${file.checksums[0]}.`;
    const fix = 'Put back the file that was applied, and make the change in a new migration.';
    return [{ kind: 'checksum-differs', version, file: file.file, why, fix }];
  });
}

function missing(entries: readonly HistoryEntry[], files: Files): HistoryProblem[] {
  return entries
    .filter(({ version, state }) => state !== 'rolled-back' && !files.has(version))
    .map(({ version }) => ({
      kind: 'missing-file',
      version,
      file: undefined,
      why: `${version} is applied, and the release has no file for it: what it did is not known.`,
      fix: 'Put the file back, or find the release that ships it.',
    }));
}

/** Files that were left out: later ones are applied, and they are not. */
function gaps(entries: readonly HistoryEntry[], shipped: readonly Migration[]): HistoryProblem[] {
  const known = new Map(entries.map((entry) => [entry.version, entry.state]));
  const last = shipped.findLastIndex(
    ({ version, repeatable }) => !repeatable && known.get(version) === 'applied',
  );
  const after = shipped[last];
  return shipped.slice(0, Math.max(last, 0)).flatMap(({ version, file, repeatable }): HistoryProblem[] => {
    if (repeatable || known.get(version) === 'applied' || known.get(version) === 'failed') return [];
    const why = `${file} is not applied, though ${after?.file}, which comes after it, is.`;
    return [{ kind: 'gap', version, file, why, fix: 'Apply it, or give it a version after the last one.' }];
  });
}

/** Applied after one that comes later among the files, as far as the history keeps the order. */
function outOfOrder(entries: readonly HistoryEntry[], shipped: readonly Migration[]): HistoryProblem[] {
  const places = new Map(shipped.map(({ version }, index) => [version, index]));
  let latest = -1;
  return entries.flatMap(({ version, state }): HistoryProblem[] => {
    const place = places.get(version);
    const migration = place === undefined ? undefined : shipped[place];
    if (place === undefined || !migration || state !== 'applied' || migration.repeatable) return [];
    if (place > latest || migration.after) {
      latest = Math.max(latest, place);
      return [];
    }
    const why = `${migration.file} was applied after ${shipped[latest]?.file}, which comes later among the files.`;
    const fix = 'A database made from the files may differ from this one: compare the two.';
    return [{ kind: 'out-of-order', version, file: migration.file, why, fix }];
  });
}
