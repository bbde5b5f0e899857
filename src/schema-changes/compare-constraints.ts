import type { CatalogConstraint, CatalogTable } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import type { Report } from './verdict.ts';

/** Constraints that are new, and those that the old code may rely on and that are gone. */
export function compareConstraints(old: CatalogTable, table: CatalogTable, fold: Fold, report: Report): void {
  const isNew = (constraint: CatalogConstraint) =>
    !old.constraints.some((other) => other.on === constraint.on && isKey(other) === isKey(constraint));
  for (const constraint of table.constraints.filter(isNew)) {
    if (!concernsOldCode(constraint, old, table)) continue;
    report('new-constraint', 'conditional', constraint.place, newWhy(constraint, table), newFix(constraint));
  }
  for (const gone of old.constraints) {
    const there = table.constraints.some((other) => other.on === gone.on && isKey(other));
    if (!isKey(gone) || there) continue;
    const why = `${old.name} is no longer unique on (${gone.on}): the old code's ON CONFLICT (${gone.on}) fails, and nothing keeps doubles out.`;
    report(
      'drop-unique',
      'writes-fail',
      fold.dropped.get(gone.name ?? '') ?? table.place,
      why,
      'Keep the unique index.',
    );
  }
}

function isKey(constraint: CatalogConstraint): boolean {
  return constraint.kind === 'unique' || constraint.kind === 'primary-key';
}

/** A unique key of new columns that stay NULL refuses nothing. */
function concernsOldCode(constraint: CatalogConstraint, old: CatalogTable, table: CatalogTable): boolean {
  if (!isKey(constraint)) return true;
  const columns = constraint.on.split(',').map((name) => table.columns.get(name));
  return columns.every(
    (c) => c === undefined || c.filled || c.notNull || old.columns.has(c.name.toLowerCase()),
  );
}

function newWhy(constraint: CatalogConstraint, table: CatalogTable): string {
  switch (constraint.kind) {
    case 'check':
      return `A new CHECK on ${table.name} refuses values that the old code may write.`;
    case 'foreign-key':
      return `A new foreign key of ${table.name} refuses rows that the old code may write: ${constraint.on}.`;
    default:
      return `${table.name} is unique on (${constraint.on}) now: the old code's writes of doubles fail.`;
  }
}

function newFix(constraint: CatalogConstraint): string {
  const what = constraint.kind === 'check' ? 'values' : 'rows';
  return `Check that the old code writes only ${what} that it allows.`;
}
