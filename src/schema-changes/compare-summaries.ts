import type { ColumnSummary, ObjectSummary, SchemaSummary, TableSummary } from './schema-summary.ts';

/** What is there in one schema and not in the other, e.g. `table`, `view`, `trigger`; its name, of a column `orders.note`. */
interface Thing {
  what: string;
  name: string;
}

/** One thing in which a schema is not the one that it should be, the target. */
export type SchemaDifference =
  | ({ kind: 'missing' | 'not-in-target' | 'defined-otherwise' } & Thing)
  | { kind: 'constraint-missing' | 'constraint-not-in-target'; table: string; constraint: string }
  | { kind: 'another-type'; column: string; is: string; was: string }
  | { kind: 'must-not-be-null' | 'may-be-null' | 'another-default'; column: string }
  | ({ kind: 'other-values'; is: string; was: string } & Thing)
  | { kind: 'not-compared'; why: string };

/** How a schema differs from the target, but for the order of columns and the names of keys and constraints. Pure. */
export function compareSummaries(target: SchemaSummary, live: SchemaSummary): SchemaDifference[] {
  return [
    ...each(() => 'table', target.tables, live.tables, tableDifferences),
    ...each(
      ({ kind }) => kind,
      target.texts,
      live.texts,
      (was, is) =>
        was.text === is.text ? [] : [{ kind: 'defined-otherwise', what: was.kind, name: was.name }],
    ),
    ...each(({ kind }) => kind, target.objects, live.objects, objectDifferences),
    ...[...new Set([...target.unread, ...live.unread])].map(
      (why): SchemaDifference => ({ kind: 'not-compared', why }),
    ),
  ];
}

/**
 * How a live schema differs from the one that its migrations make; tables that no migration makes are left out: that of the
 * history is one, and applications make others. Pure.
 */
export function driftOf(target: SchemaSummary, live: SchemaSummary): SchemaDifference[] {
  return compareSummaries(target, live).filter(
    (one) => !(one.kind === 'not-in-target' && (one.what === 'table' || one.what === 'sequence')),
  );
}

/** Things that statements of the old code name. */
const NAMED: ReadonlySet<string> = new Set(['table', 'column', 'view', 'type', 'function', 'sequence']);

/** Whether it is something that code made for the target would miss, or could not fill. Pure. */
export function isLacking(difference: SchemaDifference): boolean {
  return (
    difference.kind === 'must-not-be-null' || (difference.kind === 'missing' && NAMED.has(difference.what))
  );
}

function each<T extends { name: string }>(
  what: (one: T) => string,
  was: Record<string, T>,
  is: Record<string, T>,
  both: (was: T, is: T) => SchemaDifference[],
): SchemaDifference[] {
  const thing = (one: T) => ({ what: what(one), name: one.name });
  return [
    ...Object.entries(was).flatMap(([key, one]): SchemaDifference[] => {
      const other = is[key];
      return other ? both(one, other) : [{ kind: 'missing', ...thing(one) }];
    }),
    ...Object.entries(is).flatMap(([key, one]): SchemaDifference[] =>
      was[key] ? [] : [{ kind: 'not-in-target', ...thing(one) }],
    ),
  ];
}

function tableDifferences(was: TableSummary, is: TableSummary): SchemaDifference[] {
  const { name } = was;
  const lacks = (a: TableSummary, b: TableSummary) =>
    a.constraints.filter((one) => !b.constraints.includes(one));
  const constraints = (kind: 'constraint-missing' | 'constraint-not-in-target', of: string[]) =>
    of.map((constraint): SchemaDifference => ({ kind, table: name, constraint }));
  return [
    ...(was.strict === is.strict ? [] : [{ kind: 'defined-otherwise', what: 'table', name } as const]),
    ...each(() => 'column', was.columns, is.columns, columnDifferences),
    ...constraints('constraint-missing', lacks(was, is)),
    ...constraints('constraint-not-in-target', lacks(is, was)),
  ];
}

function columnDifferences(was: ColumnSummary, is: ColumnSummary): SchemaDifference[] {
  const column = was.name;
  const differences: SchemaDifference[] = [];
  if (was.type !== is.type) differences.push({ kind: 'another-type', column, is: is.type, was: was.type });
  if (was.notNull !== is.notNull)
    differences.push({ kind: is.notNull ? 'must-not-be-null' : 'may-be-null', column });
  if (was.default !== is.default) differences.push({ kind: 'another-default', column });
  return differences;
}

function objectDifferences(was: ObjectSummary, is: ObjectSummary): SchemaDifference[] {
  const thing = { what: was.kind, name: was.name };
  const [old, now] = [was.labels?.join(', '), is.labels?.join(', ')];
  if (old !== now) return [{ kind: 'other-values', ...thing, is: `${now}`, was: `${old}` }];
  return was.text === is.text ? [] : [{ kind: 'defined-otherwise', ...thing }];
}
