import type { ColumnSummary, ObjectSummary, SchemaSummary, TableSummary } from './schema-summary.ts';

/**
 * How a schema differs from the one that it should be, one thing a line, e.g. `column orders.note: missing`,
 * `table audit: not in the target`. Empty where they are equal, but for the order of columns and the names of keys and
 * constraints. Ordered by what it is about. Pure.
 */
export function describeDifferences(target: SchemaSummary, live: SchemaSummary): string[] {
  const differences = [
    ...each('table ', target.tables, live.tables, tableDifferences),
    ...each('', target.texts, live.texts, (was, is) =>
      was.text === is.text ? [] : [`${was.name}: ${OTHERWISE}`],
    ),
    ...each('', target.objects, live.objects, objectDifferences),
    ...[...new Set([...target.unread, ...live.unread])].map((why) => `not compared: ${why}`),
  ];
  return [...new Set(differences)].sort();
}

/**
 * How a live schema differs from the one that its migrations make; tables that no migration makes are left out: that of the
 * history is one, and applications make others. Pure.
 */
export function describeDrift(target: SchemaSummary, live: SchemaSummary): string[] {
  return describeDifferences(target, live).filter(
    (line) => !/^(?:table|sequence) \S+: not in the target$/.test(line),
  );
}

const OTHERWISE = 'defined otherwise than in the target';

function each<T extends { name: string }>(
  word: string,
  was: Record<string, T>,
  is: Record<string, T>,
  both: (was: T, is: T) => string[],
): string[] {
  return [
    ...Object.entries(was).flatMap(([key, one]) => {
      const other = is[key];
      return other ? both(one, other) : [`${word}${one.name}: missing`];
    }),
    ...Object.entries(is).flatMap(([key, one]) =>
      was[key] ? [] : [`${word}${one.name}: not in the target`],
    ),
  ];
}

function tableDifferences(was: TableSummary, is: TableSummary): string[] {
  const { name } = was;
  const lacks = (a: TableSummary, b: TableSummary) =>
    a.constraints.filter((one) => !b.constraints.includes(one));
  return [
    ...(was.strict === is.strict ? [] : [`table ${name}: ${OTHERWISE}`]),
    ...each('column ', was.columns, is.columns, columnDifferences),
    ...lacks(was, is).map((one) => `table ${name}: ${one} missing`),
    ...lacks(is, was).map((one) => `table ${name}: ${one} not in the target`),
  ];
}

function columnDifferences(was: ColumnSummary, is: ColumnSummary): string[] {
  const name = `column ${was.name}`;
  const nullable = is.notNull
    ? `${name}: must not be NULL, in the target it may`
    : `${name}: may be NULL, in the target not`;
  return [
    ...(was.type === is.type ? [] : [`${name}: ${is.type}, in the target ${was.type}`]),
    ...(was.notNull === is.notNull ? [] : [nullable]),
    ...(was.default === is.default ? [] : [`${name}: another default than in the target`]),
  ];
}

function objectDifferences(was: ObjectSummary, is: ObjectSummary): string[] {
  const [old, now] = [was.labels?.join(', '), is.labels?.join(', ')];
  if (old !== now) return [`${was.name}: has the values ${now}; in the target ${old}`];
  return was.text === is.text ? [] : [`${was.name}: ${OTHERWISE}`];
}
