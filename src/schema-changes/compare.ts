import type { Catalog, CatalogTable, CatalogView } from './catalog.ts';
import { columnByRoot, isSame, tableByRoot } from './catalog.ts';
import { compareColumns } from './compare-columns.ts';
import { compareConstraints } from './compare-constraints.ts';
import type { Fold, RowChange } from './fold-state.ts';
import type { Place, Report, SchemaFinding } from './verdict.ts';

const KEEP = 'Keep the old name until no release that may be gone back to uses it.';

/** The net difference between the schema that the old code knows and the one that is there, as the old code meets it. */
export function compare(fold: Fold): SchemaFinding[] {
  const findings: SchemaFinding[] = [];
  const before = fold.before as Catalog;
  const report: Report = (rule, verdict, place, why, fix) => {
    if (place) findings.push({ rule, verdict, ...place, why, fix });
  };
  for (const { why, place } of fold.unknown) {
    report('unreadable', 'unknown', place, why, 'Have a person read it, and waive the check with a reason.');
  }
  for (const [key, old] of before.tables) compareTable(key, old, fold, report);
  for (const [key, table] of fold.now.tables) {
    if (before.tables.has(key) || [...before.tables.values()].some((old) => old.root === table.root))
      continue;
    report('create-table', 'safe', table.place, `The old code does not know table ${table.name}.`, '');
  }
  for (const [key, old] of before.views) compareView(key, old, fold, report);
  for (const [key, trigger] of fold.now.triggers) {
    const table = trigger.table;
    const known = table && [...before.tables.values()].some((old) => old.root === table.root);
    if (!known || before.triggers.has(key)) continue;
    const why = `Trigger ${trigger.name} runs on what the old code writes to ${table.name}, and may refuse or change it.`;
    report(
      'new-trigger',
      'conditional',
      trigger.place,
      why,
      'Check that it accepts what the old code writes.',
    );
  }
  for (const change of fold.rowChanges) reportRows(change, report);
  return findings;
}

function compareTable(key: string, old: CatalogTable, fold: Fold, report: Report): void {
  const table = fold.now.tables.get(key);
  const moved = tableByRoot(fold.now, old.root) ?? wholeCopy(fold.now, old);
  if (!table) {
    const view = fold.now.views.get(key);
    if (view) {
      reportStandIn(old, view, fold, report);
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
  if (!isSame(table, old)) {
    const verdict = moved ? 'reads-fail' : 'data-destroyed';
    const lost = moved ? `they are in ${moved.name} now` : 'they are gone';
    const why = `${old.name} is another table of the same name: the old code does not find its rows in it; ${lost}.`;
    report('name-reused', verdict, table.place, why, KEEP);
    return;
  }
  if (table.filtered) {
    const why = `${old.name} was made anew from some of its rows; the others are gone.`;
    report('rows-left-out', 'data-destroyed', table.filtered, why, 'Take all rows along.');
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

/** A view that has taken the name of a table. */
function reportStandIn(old: CatalogTable, view: CatalogView, fold: Fold, report: Report): void {
  const names = new Set(view.columns?.map((name) => name.toLowerCase()));
  const complete = view.columns !== undefined && [...old.columns.keys()].every((name) => names.has(name));
  if (complete && old.complete) {
    const why = `A view stands in for table ${old.name}: the old code can read, but not write it.`;
    const fix = 'Give the view INSTEAD OF triggers and waive the check, or keep the table under its name.';
    report('rename-table', 'writes-fail', view.place, why, fix);
    return;
  }
  const why = `A view stands in for table ${old.name}, and not all columns that the old code knows are seen in it.`;
  report('rename-table', 'reads-fail', view.place ?? fold.gone.get(old.root), why, KEEP);
}

function compareView(key: string, old: CatalogView, fold: Fold, report: Report): void {
  const view = fold.now.views.get(key);
  if (!view) {
    const why = `The old code's reads of view ${old.name} fail.`;
    // A view that was never made by a migration carries the place where it was dropped.
    report('drop-view', 'reads-fail', dropPlace(old, fold), why, KEEP);
    return;
  }
  if (view.text === old.text) return;
  if (!view.columns || !old.columns) {
    const why = `View ${old.name} reads something else now, and its columns can't be told from its text.`;
    report('change-view', 'unknown', view.place, why, 'Name the columns of the view.');
    return;
  }
  const names = new Set(view.columns.map((name) => name.toLowerCase()));
  const missing = old.columns.filter((name) => !names.has(name.toLowerCase()));
  if (missing.length > 0) {
    const why = `View ${old.name} no longer has ${missing.join(', ')}, which the old code reads.`;
    report('change-view', 'reads-fail', view.place, why, KEEP);
    return;
  }
  const why = `View ${old.name} has the columns that the old code reads, but takes them from elsewhere.`;
  report('change-view', 'conditional', view.place, why, 'Check that they mean the same.');
}

function dropPlace(view: CatalogView, fold: Fold): Place | undefined {
  return fold.dropped.get(view.name.toLowerCase()) ?? view.place;
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
    report(
      'replace-data',
      'conditional',
      place,
      why,
      'Check that the old code can work with the new values.',
    );
    return;
  }
  const why = `The old code reads changed values in ${table} (${columns.join(', ')}); the values before are overwritten.`;
  const fix = 'If the old code can work with the new values, waive the check with that as the reason.';
  report('update-data', 'data-destroyed', place, why, fix);
}
