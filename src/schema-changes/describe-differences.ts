import type { CatalogColumn, CatalogConstraint, CatalogTable } from './catalog.ts';
import type { LiveCatalog } from './live-catalog.ts';

/**
 * How a live schema differs from the one that it should be, one thing a line, e.g. `column orders.note: missing`,
 * `table audit: not in the target`. Empty where they are equal, but for the order of columns and the names of keys and
 * constraints. Ordered by what it is about. Pure.
 */
export function describeDifferences(target: LiveCatalog, live: LiveCatalog): string[] {
  const [was, is] = [target.catalog, live.catalog];
  const differences = [
    ...each('table', was.tables, is.tables, (a, b) => tableDifferences(a, b)),
    ...each('view', was.views, is.views, (a, b) =>
      a.text === b.text ? [] : [`view ${a.name}: ${OTHERWISE}`],
    ),
    ...each('', texts(target), texts(live), (a, b) => (a.text === b.text ? [] : [`${a.name}: ${OTHERWISE}`])),
    ...each('', was.objects, is.objects, (a, b) => {
      const labels = (object: typeof a) => object.labels?.map(({ text }) => text).join(', ');
      if (labels(a) !== labels(b))
        return [`${a.kind} ${a.name}: has the values ${labels(b)}; in the target ${labels(a)}`];
      const told = a.kind !== 'function' && a.kind !== 'trigger-function' && a.text !== b.text;
      return told ? [`${a.kind} ${a.name}: ${OTHERWISE}`] : [];
    }),
    ...[...new Set([...target.unread, ...live.unread])].map((why) => `not compared: ${why}`),
  ];
  return [...new Set(differences)].sort();
}

const OTHERWISE = 'defined otherwise than in the target';

interface Named {
  name: string;
  kind?: string;
}

/** A map by name, of any kind. */
interface ByName<T> extends Iterable<[string, T]> {
  get(name: string): T | undefined;
  has(name: string): boolean;
}

function each<T extends Named>(
  kind: string,
  was: ByName<T>,
  is: ByName<T>,
  both: (was: T, is: T) => string[],
): string[] {
  const word = (one: T) => [kind || one.kind, one.name].filter(Boolean).join(' ');
  return [
    ...[...was].flatMap(([key, one]) => {
      const other = is.get(key);
      return other ? both(one, other) : [`${word(one)}: missing`];
    }),
    ...[...is].flatMap(([key, one]) => (was.has(key) ? [] : [`${word(one)}: not in the target`])),
  ];
}

/** Views and routines are in the catalog too. */
function texts({ texts }: LiveCatalog): Map<string, { name: string; text: string }> {
  return new Map(
    [...texts].filter(([name]) => !name.startsWith('view ')).map(([name, text]) => [name, { name, text }]),
  );
}

function tableDifferences(was: CatalogTable, is: CatalogTable): string[] {
  const { name } = was;
  const lacks = (a: CatalogTable, b: CatalogTable) => {
    const known = new Set(b.constraints.map(said));
    return [...new Set(a.constraints.map(said))].filter((one) => !known.has(one));
  };
  return [
    ...(was.strict === is.strict ? [] : [`table ${name}: ${OTHERWISE}`]),
    ...each('', columns(was), columns(is), (a, b) => columnDifferences(a, b)),
    ...lacks(was, is).map((one) => `table ${name}: ${one} missing`),
    ...lacks(is, was).map((one) => `table ${name}: ${one} not in the target`),
  ];
}

function columns(table: CatalogTable): Map<string, CatalogColumn> {
  return new Map(
    [...table.columns].map(([key, column]) => [
      key,
      { ...column, kind: 'column', name: `${table.name}.${column.name}` },
    ]),
  );
}

function columnDifferences(was: CatalogColumn, is: CatalogColumn): string[] {
  const name = `column ${was.name}`;
  const [old, now] = [typeOf(was), typeOf(is)];
  return [
    ...(old === now ? [] : [`${name}: ${now}, in the target ${old}`]),
    ...(was.notNull === is.notNull
      ? []
      : [
          is.notNull
            ? `${name}: must not be NULL, in the target it may`
            : `${name}: may be NULL, in the target not`,
        ]),
    ...(was.filled === is.filled && was.default === is.default && was.generated === is.generated
      ? []
      : [`${name}: another default than in the target`]),
  ];
}

function typeOf({ type, size, collation, labels }: CatalogColumn): string {
  const words = [size ? `${type}(${size.join(',')})` : type || 'no type'];
  if (labels) words.push(`(${labels.join(', ')})`);
  if (collation) words.push(`collation ${collation}`);
  return words.join(' ');
}

function said({ kind, columns, on }: CatalogConstraint): string {
  const what = kind.replaceAll('-', ' ');
  // An expression is kept as the tree that its text is read to.
  const detail = kind === 'foreign-key' ? ` ${on}` : on === '' ? '' : ` on ${short(on)}`;
  return `${what}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}${detail}`;
}

/** Short, and another for another text. */
function short(text: string): string {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0;
  return `an expression (${(hash >>> 0).toString(16)})`;
}
