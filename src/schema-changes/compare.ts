import type { Catalog, CatalogTable } from './catalog.ts';
import { columnByRoot, isSame } from './catalog.ts';
import { compareColumns } from './compare-columns.ts';
import { compareConstraints, compareReferences } from './compare-constraints.ts';
import { compareObjects } from './compare-objects.ts';
import { compareViews, standIn } from './compare-views.ts';
import type { Fold, RowChange } from './fold-state.ts';
import type { Report, SchemaFinding } from './verdict.ts';

const KEEP = 'Keep the old name until no release that may be gone back to uses it.';

/** The net difference between the schema that the old code knows and the one that is there, as the old code meets it. */
export function compare(fold: Fold): SchemaFinding[] {
  const findings: SchemaFinding[] = [];
  const before = fold.before as Catalog;
  const report: Report = (rule, verdict, place, why, fix, when) => {
    if (!place) return;
    findings.push({
      rule,
      verdict,
      ...place,
      when,
      why,
      fix,
      docs: `docs/rules/${rule}.md`,
      allowed: undefined,
    });
  };
  for (const { why, rule, place } of fold.unknown) {
    report(rule, 'unknown', place, why, 'Have a person read it, and waive the check with a reason.');
  }
  const changed = [...fold.now.tables.namesUnlike(before.tables)];
  for (const name of changed) {
    const old = before.tables.get(name);
    if (old) compareTable(old, fold, report);
  }
  for (const name of changed) {
    const table = fold.now.tables.get(name);
    if (!table || before.tables.has(name) || before.tables.byRoot(table.root)) continue;
    report('create-table', 'safe', table.place, `The old code does not know table ${table.name}.`, '');
  }
  compareReferences(fold, report);
  compareViews(fold, report);
  compareTriggers(fold, report);
  compareObjects(fold, report);
  for (const { rule, verdict, place, why, fix, when } of fold.concerns)
    report(rule, verdict, place, why, fix, when);
  for (const change of fold.rowChanges) reportRows(change, report);
  return findings;
}

function compareTriggers(fold: Fold, report: Report): void {
  const before = fold.before as Catalog;
  const changed = [...fold.now.triggers.namesUnlike(before.triggers)];
  for (const key of changed) {
    const trigger = fold.now.triggers.get(key);
    if (!trigger?.table || before.triggers.has(key) || !before.tables.byRoot(trigger.table.root)) continue;
    const { name, table, place } = trigger;
    const why = `Trigger ${name} runs on what the old code writes to ${table.name}, and may refuse or change it.`;
    const fix = 'Check that it accepts what the old code writes.';
    report(
      'new-trigger',
      'conditional',
      place,
      why,
      fix,
      'where it refuses or changes what the old code writes',
    );
  }
  for (const key of changed) {
    const trigger = before.triggers.get(key);
    if (fold.now.triggers.has(key) || !trigger?.table) continue;
    const { name, table } = trigger;
    const now = fold.now.tables.byRoot(table.root);
    if (!now && !fold.now.tables.has(table.name)) continue;
    const why = `Trigger ${name} of ${now?.name ?? table.name} is gone: what it did for the old code is not done any more.`;
    const place = fold.dropped.get(name) ?? fold.gone.get(table.root);
    report(
      'drop-trigger',
      'conditional',
      place,
      why,
      'Keep the trigger.',
      'where the old code relies on what it did',
    );
  }
}

function compareTable(old: CatalogTable, fold: Fold, report: Report): void {
  const table = fold.now.tables.get(old.name);
  const isThere = table !== undefined && isSame(table, old);
  const moved = isThere ? undefined : (fold.now.tables.byRoot(old.root) ?? wholeCopy(fold.now, old));
  if (!table) {
    const view = fold.now.views.get(old.name);
    if (view) {
      const seen = standIn(old, view, fold, report);
      if (seen) compareContent(old, seen, fold, report);
      return;
    }
    const place = fold.gone.get(old.root);
    if (moved) {
      const why = `The old code's statements on ${old.name} fail: the table is now called ${moved.name}.`;
      report('rename-table', 'reads-fail', place, why, KEEP);
      return;
    }
    const why = `The old code's statements on ${old.name} fail, and the rows of the table are gone.`;
    const fix = 'Drop it only once no release that may be gone back to uses it.';
    report('drop-table', 'data-destroyed', place, why, fix);
    return;
  }
  if (!isThere) {
    const verdict = moved ? 'reads-fail' : 'data-destroyed';
    const lost = moved ? `they are in ${moved.name} now` : 'they are gone';
    const why = `${old.name} is another table of the same name: the old code does not find its rows in it; ${lost}.`;
    report('name-reused', verdict, table.place, why, KEEP);
    return;
  }
  if (table.place !== old.place && !old.complete) {
    const why = `${old.name} was made anew, and how it was before is not known, since no migration makes it.`;
    report(
      'rebuild',
      'unknown',
      table.place,
      why,
      'Compare both definitions, and waive the check with a reason.',
    );
    return;
  }
  compareContent(old, table, fold, report);
}

/** A table that the old code finds under its name. */
function compareContent(old: CatalogTable, table: CatalogTable, fold: Fold, report: Report): void {
  if (table.filtered && table.filtered !== old.filtered) {
    const why = `${old.name} was made anew from some of its rows; the others are gone.`;
    report('rows-left-out', 'data-destroyed', table.filtered, why, 'Take all rows along.');
  }
  compareColumns(old, table, fold, report);
  compareConstraints(old, table, fold, report);
}

/** A table of another name with all rows and columns of the old one. */
function wholeCopy(now: Catalog, old: CatalogTable): CatalogTable | undefined {
  return [...now.tables.values()].find(
    (table) =>
      isSame(table, old) &&
      !table.filtered &&
      old.complete &&
      [...old.columns.values()].every((column) => columnByRoot(table, column.root)),
  );
}

function reportRows(change: RowChange, report: Report): void {
  const { kind, table, columns, place } = change;
  if (kind === 'delete') {
    const why = `Rows of ${table} that the old code knows are deleted; going back does not bring them back.`;
    report('delete-data', 'data-destroyed', place, why, 'Restore them from a backup if they are needed.');
    return;
  }
  if (kind === 'replace') {
    const why = `Rows of ${table} with the same key are overwritten, if there are any.`;
    const fix = 'Check that the old code can work with the new values.';
    report('replace-data', 'conditional', place, why, fix, 'once a row has the same key');
    return;
  }
  const why = `The old code reads changed values in ${table} (${columns.join(', ')}); the values before are overwritten.`;
  const fix = 'If the old code can work with the new values, waive the check with that as the reason.';
  report('update-data', 'data-destroyed', place, why, fix);
}
