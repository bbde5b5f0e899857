import type { Catalog, CatalogTable, CatalogView, ViewBase } from './catalog.ts';
import { columnByRoot, copyTable, isSame } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import { NameMap } from './name-map.ts';
import type { Report } from './verdict.ts';

const KEEP = 'Keep the old name until no release that may be gone back to uses it.';

/** What became of each view that the old code reads. */
export function compareViews(fold: Fold, report: Report): void {
  const before = (fold.before as Catalog).views;
  for (const name of fold.now.views.namesUnlike(before)) {
    const old = before.get(name);
    if (old) compareView(old, fold, report);
  }
}

/**
 * Says what it means that a view has taken the name of a table. Where it can be written as the table was, gives the
 * table as it is seen through the view.
 */
export function standIn(
  old: CatalogTable,
  view: CatalogView,
  fold: Fold,
  report: Report,
): CatalogTable | undefined {
  const names = new NameMap<true>(fold.dialect.key);
  for (const name of view.columns ?? []) names.set(name, true);
  const complete = view.columns !== undefined && [...old.columns.keys()].every((name) => names.has(name));
  const broken = view.base !== undefined && isBroken(view.base, fold);
  if (!complete || !old.complete || broken) {
    const what = broken ? 'does not work any more' : 'does not show all columns that the old code knows';
    const why = `A view stands in for table ${old.name}, and ${what}.`;
    report('rename-table', 'reads-fail', view.place ?? fold.gone.get(old.root), why, KEEP);
    return undefined;
  }
  const seen = seenThrough(old, view, fold);
  if (seen && fold.dialect.updatableViews) {
    const why = `A view stands in for table ${old.name}; the old code reads and writes the table through it.`;
    const when = 'where the old code uses it as a table: TRUNCATE, LOCK, a foreign key to it';
    report('rename-table', 'safe', view.place, why, '', when);
    return seen;
  }
  const why = `A view stands in for table ${old.name}: the old code can read, but not write it.`;
  const fix =
    'Let triggers write what is written to the view and waive the check, or keep the table under its name.';
  report('rename-table', 'writes-fail', view.place, why, fix);
  if (!seen) {
    const doubt = `Whether view ${old.name} shows what the table held can't be told from its text.`;
    report(
      'change-view',
      'unknown',
      view.place,
      doubt,
      'Have a person read it, and waive the check with a reason.',
    );
  }
  return seen;
}

/** The table that a view shows now. */
function baseOf(base: ViewBase, fold: Fold): CatalogTable | undefined {
  return fold.dialect.viewsFollow ? fold.now.tables.byRoot(base.root) : fold.now.tables.get(base.name);
}

/** Whether a view names what is not there any more. */
function isBroken(base: ViewBase, fold: Fold): boolean {
  if (fold.dialect.viewsFollow) return false;
  const table = fold.now.tables.get(base.name);
  return !table || base.columns.some(({ name }) => !table.columns.has(name));
}

/** The table behind a view that can be written; columns that the view leaves out keep a name that nothing else has. */
function seenThrough(old: CatalogTable, { base }: CatalogView, fold: Fold): CatalogTable | undefined {
  const table = base && baseOf(base, fold);
  if (!base || !table || !isSame(table, old)) return undefined;
  const seen = { ...copyTable(table), name: old.name };
  seen.columns = new NameMap(fold.dialect.key);
  const left = new Set(table.columns.values());
  for (const { root, name, as } of base.columns) {
    const column = fold.dialect.viewsFollow ? columnByRoot(table, root) : table.columns.get(name);
    if (!column) return undefined;
    left.delete(column);
    seen.columns.set(as, { ...column, name: as });
  }
  for (const column of left) seen.columns.set(`${table.name}.${column.name}`, column);
  // Constraints hold for what is written through the view, by the names that it has for their columns.
  const shown = new Map([...seen.columns].map(([name, column]) => [column.root, name]));
  seen.constraints = seen.constraints.map((constraint) => ({
    ...constraint,
    columns: constraint.columns.map((name) => shown.get(table.columns.get(name)?.root ?? 0) ?? name),
  }));
  return seen;
}

function compareView(old: CatalogView, fold: Fold, report: Report): void {
  const view = fold.now.views.get(old.name);
  if (!view) {
    const why = `The old code's reads of view ${old.name} fail.`;
    // A view that was never made by a migration carries the place where it was dropped.
    report('drop-view', 'reads-fail', fold.dropped.get(old.name) ?? old.place, why, KEEP);
    return;
  }
  if (view.text === old.text) return;
  if (!view.columns || !old.columns) {
    const why = `View ${old.name} reads something else now, and its columns can't be told from its text.`;
    report('change-view', 'unknown', view.place, why, 'Name the columns of the view.');
    return;
  }
  const { key } = fold.dialect;
  const names = new Set(view.columns.map(key));
  const missing = old.columns.filter((name) => !names.has(key(name)));
  if (missing.length > 0) {
    const why = `View ${old.name} no longer has ${missing.join(', ')}, which the old code reads.`;
    report('change-view', 'reads-fail', view.place, why, KEEP);
    return;
  }
  const why = `View ${old.name} has the columns that the old code reads, but takes them from elsewhere.`;
  const when = 'where they do not mean the same';
  report('change-view', 'conditional', view.place, why, 'Check that they mean the same.', when);
}
