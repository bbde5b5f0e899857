import type { CatalogColumn, CatalogTable } from './catalog.ts';
import { columnByRoot } from './catalog.ts';
import { compareDefinition } from './compare-definition.ts';
import type { Fold } from './fold-state.ts';
import type { Report } from './verdict.ts';

/** When a safe addition is met all the same. */
const UNNAMED = 'where a statement names no columns: an INSERT without a list of them, a prepared SELECT *';

/** What became of each column, as the old code's INSERTs and SELECTs that name it meet it. */
export function compareColumns(old: CatalogTable, table: CatalogTable, fold: Fold, report: Report): void {
  for (const column of old.columns.values()) {
    const now = table.columns.get(column.name);
    const name = `${old.name}.${column.name}`;
    const place = fold.gone.get(column.root) ?? now?.place ?? table.place;
    if (now && now.root === column.root) {
      compareDefinition(name, column, now, table, fold, report);
      continue;
    }
    const moved = columnByRoot(table, column.root);
    if (!now && moved) {
      const why = `The old code's statements that name ${name} fail: the column is now called ${moved.name}.`;
      const fix = 'Add the new column beside the old one, and fill both.';
      report('rename-column', 'reads-fail', place, why, fix);
    } else if (!now) {
      const why = `The old code's statements that name ${name} fail, and the values of the column are gone.`;
      const fix = 'Drop it only once no release that may be gone back to uses it.';
      report('drop-column', 'data-destroyed', place, why, fix);
    } else if (now.computed) reportComputed(name, now, report);
    else {
      const where = moved ? `its values are in ${moved.name} now` : 'its values are gone';
      const why = `${name} is another column of the same name: the old code reads and writes the wrong values without an error; ${where}.`;
      const fix = 'Give the new column a new name.';
      report('name-reused', moved ? 'reads-fail' : 'data-destroyed', now.place, why, fix);
    }
  }
  if (old.complete || table.place === old.place) newColumns(old, table, report);
}

/** Values that were made anew from the old ones. */
function reportComputed(name: string, now: CatalogColumn, report: Report): void {
  const why = `The old code reads changed values in ${name}: they were computed anew.`;
  const fix = 'If the old code can work with the new values, waive the check with that as the reason.';
  report('update-data', 'data-destroyed', now.place, why, fix);
}

function newColumns(old: CatalogTable, table: CatalogTable, report: Report): void {
  const known = new Set([...old.columns.values()].map((column) => column.root));
  for (const column of table.columns.values()) {
    if (old.columns.has(column.name) || known.has(column.root) || column.place === undefined) continue;
    const name = `${table.name}.${column.name}`;
    if (column.notNull && !column.filled) {
      const why = `The old code's INSERTs into ${table.name} fail: they don't name ${column.name}, which must not be NULL and has no default.`;
      report('add-required-column', 'writes-fail', column.place, why, 'Give the column a default.');
    } else {
      const why = `The old code does not name ${name}; its INSERTs leave it ${column.filled ? 'at its default' : 'NULL'}.`;
      report('add-column', 'safe', column.place, why, '', UNNAMED);
    }
  }
}
