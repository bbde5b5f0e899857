import type { CatalogColumn, CatalogTable } from './catalog.ts';
import { columnByRoot } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import type { Report } from './verdict.ts';

/** What became of each column, as the old code's INSERTs and SELECTs that name it meet it. */
export function compareColumns(old: CatalogTable, table: CatalogTable, fold: Fold, report: Report): void {
  for (const [key, column] of old.columns) {
    const now = table.columns.get(key);
    const name = `${old.name}.${column.name}`;
    const place = fold.gone.get(column.root) ?? now?.place ?? table.place;
    if (now && now.root === column.root) {
      compareDefinition(name, column, now, table, report);
      continue;
    }
    const moved = columnByRoot(table, column.root);
    if (!now && moved) {
      const why = `The old code's statements that name ${name} fail: the column is now called ${moved.name}.`;
      report(
        'rename-column',
        'reads-fail',
        place,
        why,
        'Add the new column beside the old one, and fill both.',
      );
    } else if (!now) {
      const why = `The old code's statements that name ${name} fail, and the values of the column are gone.`;
      const fix = 'Drop it only once no release that may be gone back to uses it.';
      report('drop-column', 'data-destroyed', place, why, fix);
    } else if (now.computed) {
      const why = `The old code reads changed values in ${name}: they were computed anew when the table was rebuilt.`;
      const fix = 'If the old code can work with the new values, waive the check with that as the reason.';
      report('update-data', 'data-destroyed', now.place, why, fix);
    } else {
      const where = moved ? `its values are in ${moved.name} now` : 'its values are gone';
      const why = `${name} is another column of the same name: the old code reads and writes the wrong values without an error; ${where}.`;
      report(
        'name-reused',
        moved ? 'reads-fail' : 'data-destroyed',
        now.place,
        why,
        'Give the new column a new name.',
      );
    }
  }
  if (old.complete || table.place === old.place) newColumns(old, table, report);
}

function newColumns(old: CatalogTable, table: CatalogTable, report: Report): void {
  const known = new Set([...old.columns.values()].map((column) => column.root));
  for (const [key, column] of table.columns) {
    if (old.columns.has(key) || known.has(column.root) || column.place === undefined) continue;
    const name = `${table.name}.${column.name}`;
    if (column.notNull && !column.filled) {
      const why = `The old code's INSERTs into ${table.name} fail: they don't name ${column.name}, which must not be NULL and has no default.`;
      report('add-required-column', 'writes-fail', column.place, why, 'Give the column a default.');
    } else {
      const why = `The old code does not name ${name}; its INSERTs leave it ${column.filled ? 'at its default' : 'NULL'}.`;
      report('add-column', 'safe', column.place, why, '');
    }
  }
}

function compareDefinition(
  name: string,
  old: CatalogColumn,
  now: CatalogColumn,
  table: CatalogTable,
  report: Report,
): void {
  if (old.place === undefined) return;
  if (now.generated && !old.generated) {
    const why = `The old code's INSERTs and UPDATEs that name ${name} fail: its value is generated now.`;
    report('generated-column', 'writes-fail', now.place, why, 'Keep it an ordinary column.');
  }
  if (now.notNull && !old.notNull) {
    if (now.filled) {
      const why = `${name} must not be NULL any more: the old code's writes fail where they give NULL.`;
      report(
        'set-not-null',
        'conditional',
        now.place,
        why,
        'Check that the old code never writes NULL there.',
      );
    } else {
      const why = `${name} must not be NULL any more and has no default: the old code's writes that leave it out or give NULL fail.`;
      report('set-not-null', 'writes-fail', now.place, why, 'Give the column a default.');
    }
  } else if (old.notNull && old.filled && now.notNull && !now.filled) {
    const why = `${name} has lost its default: the old code's INSERTs that leave it out fail.`;
    report('drop-default', 'writes-fail', now.place, why, 'Keep the default.');
  } else if (old.notNull && !now.notNull) {
    const why = `${name} may be NULL now: the old code does not expect that.`;
    report('drop-not-null', 'conditional', now.place, why, 'Check that there is no NULL in it.');
  }
  compareTypes(name, old, now, table, report);
}

function compareTypes(
  name: string,
  old: CatalogColumn,
  now: CatalogColumn,
  table: CatalogTable,
  report: Report,
): void {
  if (old.type === now.type) return;
  const types = `from ${old.type || 'no type'} to ${now.type || 'no type'}`;
  const fix = 'Add a column of the new type beside the old one, and fill both.';
  const converted = old.family !== now.family && old.family !== 'as given' && now.family !== 'as given';
  if (converted) {
    const why = `${name} changed ${types}: its values were converted, and the old code's comparisons with it go wrong without an error.`;
    report('change-type', 'reads-fail', now.place, why, fix);
  } else if (table.strict && now.type !== 'ANY' && (now.family === 'as given' || old.type === 'REAL')) {
    const why = `${name} changed ${types}, and the table is strict: the old code's writes of other values fail.`;
    report('change-type', 'writes-fail', now.place, why, fix);
  } else if (old.family === now.family) {
    const why = `${name} changed ${types}, which hold the same values.`;
    report('change-type', 'safe', now.place, why, '');
  } else {
    const why = `${name} changed ${types}: what is written from now on may be stored and compared in another way.`;
    report('change-type', 'conditional', now.place, why, fix);
  }
}
