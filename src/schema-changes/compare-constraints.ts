import type { Catalog, CatalogConstraint, CatalogTable } from './catalog.ts';
import { originalOf } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import { nameOfKnown } from './fold-state.ts';
import type { Report } from './verdict.ts';

/** Constraints that are new, and those that the old code may rely on and that are gone. */
export function compareConstraints(old: CatalogTable, table: CatalogTable, fold: Fold, report: Report): void {
  const before = new Set(old.constraints.map((constraint) => identity(constraint, old)));
  const now = new Set(table.constraints.map((constraint) => identity(constraint, table)));
  for (const constraint of table.constraints) {
    if (constraint.kind === 'index' || before.has(identity(constraint, table))) continue;
    if (!concernsOldCode(constraint, old, table)) {
      reportReference(constraint, table, fold, report);
      continue;
    }
    const what = constraint.kind === 'check' ? 'values' : 'rows';
    const fix = `Check that the old code writes only ${what} that it allows.`;
    const when = `where the old code writes ${what} that it refuses`;
    report('new-constraint', 'conditional', constraint.place, newWhy(constraint, table), fix, when);
  }
  for (const gone of old.constraints) {
    if (gone.kind === 'index' || now.has(identity(gone, old))) continue;
    // With its column, which is said.
    if (gone.columns.some((name) => !table.columns.has(name))) continue;
    const place = fold.dropped.get(gone.name ?? '') ?? table.place;
    const on = describe(gone);
    if (isKey(gone)) {
      const why = `${old.name} is no longer unique on ${on}: ${fold.dialect.lostUpsert(on)}, and nothing keeps doubles out.`;
      report('drop-unique', 'writes-fail', place, why, 'Keep the unique index.');
    } else {
      const why = `Nothing keeps rows out of ${old.name} any more that its ${KINDS[gone.kind]} refused.`;
      const fix = 'Check that the old code can work with such rows.';
      report('drop-constraint', 'conditional', place, why, fix, 'once there is a row that it refused');
    }
  }
}

/** Foreign keys of tables that the old code does not know, to those that it does. */
export function compareReferences(fold: Fold, report: Report): void {
  for (const name of fold.now.tables.namesUnlike((fold.before as Catalog).tables)) {
    const table = fold.now.tables.get(name);
    if (!table || knows(fold, table)) continue;
    for (const constraint of table.constraints) reportReference(constraint, table, fold, report);
  }
}

function reportReference(
  constraint: CatalogConstraint,
  table: CatalogTable,
  fold: Fold,
  report: Report,
): void {
  const { restricts, place } = constraint;
  const target = restricts === undefined ? undefined : fold.now.tables.get(nameOfKnown(fold, restricts));
  if (!target || !knows(fold, target)) return;
  const why = `The old code's DELETEs from ${target.name} fail where rows of ${table.name} refer to what they delete.`;
  const fix = 'Let the foreign key say ON DELETE CASCADE or SET NULL.';
  const when = `once rows of ${table.name} refer to ${target.name}`;
  report('new-constraint', 'conditional', place, why, fix, when);
}

function knows(fold: Fold, table: CatalogTable): boolean {
  return originalOf(table, (fold.before as Catalog).tables) !== undefined;
}

const KINDS: Record<CatalogConstraint['kind'], string> = {
  'primary-key': 'primary key',
  unique: 'unique key',
  exclusion: 'exclusion constraint',
  check: 'CHECK',
  'foreign-key': 'foreign key',
  index: 'index',
};

/** Equal for constraints that do the same, also where their columns are called otherwise. */
function identity(constraint: CatalogConstraint, table: CatalogTable): string {
  const kind = isKey(constraint) ? 'unique' : constraint.kind;
  const columns = constraint.columns.map((name) => table.columns.get(name)?.root ?? name);
  return JSON.stringify([kind, columns, constraint.on]);
}

function isKey({ kind }: CatalogConstraint): boolean {
  return kind === 'unique' || kind === 'primary-key';
}

/** A unique key of new columns that stay NULL, or are numbered, refuses nothing; nor does a foreign key of theirs. */
function concernsOldCode(constraint: CatalogConstraint, old: CatalogTable, table: CatalogTable): boolean {
  if (!isKey(constraint) && constraint.kind !== 'foreign-key') return true;
  if (constraint.columns.length === 0) return true;
  const isNew = constraint.columns.flatMap((name) => {
    const column = table.columns.get(name);
    return column && !old.columns.has(name) ? [column] : [];
  });
  const isNull = isNew.some((column) => !column.filled && !column.notNull);
  const numbered = isKey(constraint) && isNew.some((column) => NUMBERED.test(column.default ?? ''));
  return !isNull && !numbered;
}

/** Defaults that give every row a number of its own. */
const NUMBERED = /^(?:serial|identity|auto_increment)$/;

function describe({ columns }: CatalogConstraint): string {
  return columns.length > 0 ? `(${columns.join(',')})` : 'an expression';
}

function newWhy(constraint: CatalogConstraint, table: CatalogTable): string {
  switch (constraint.kind) {
    case 'check':
      return `A new CHECK on ${table.name} refuses values that the old code may write.`;
    case 'exclusion':
      return `A new exclusion constraint on ${table.name} refuses rows that the old code may write.`;
    case 'foreign-key':
      return `A new foreign key of ${table.name} refuses rows that the old code may write: ${constraint.columns.join(', ')} ${constraint.on}.`;
    default:
      return `${table.name} is unique on ${describe(constraint)} now: the old code's writes of doubles fail.`;
  }
}
