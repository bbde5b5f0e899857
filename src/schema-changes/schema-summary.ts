import { createHash } from 'node:crypto';
import type { CatalogColumn, CatalogConstraint, CatalogTable } from './catalog.ts';
import type { LiveCatalog } from './live-catalog.ts';

/** A schema as plain JSON, as far as two of them are told apart. By names as the engine compares them. */
export interface SchemaSummary {
  tables: Record<string, TableSummary>;
  /** Views, and by kind and name what the catalog knows by name alone: each with a hash of its text. */
  texts: Record<string, { kind: string; name: string; text: string }>;
  objects: Record<string, ObjectSummary>;
  /** What could not be read, in sentences. */
  unread: string[];
}

export interface TableSummary {
  name: string;
  strict: boolean;
  columns: Record<string, ColumnSummary>;
  /** In words, each once. */
  constraints: string[];
}

export interface ColumnSummary {
  name: string;
  type: string;
  notNull: boolean;
  /** How it is filled where nothing is given. */
  default: string;
}

/** A type, domain, sequence or function. */
export interface ObjectSummary {
  kind: string;
  name: string;
  /** Of an enumeration. */
  labels?: string[];
  /** Hash of its text, where that is compared here. */
  text?: string;
}

/** Pure. */
export function summaryOf({ catalog, texts, unread }: LiveCatalog): SchemaSummary {
  const views = [...catalog.views].map(
    ([key, { name, text }]) => [`view ${key}`, { kind: 'view', name, text: hash(text) }] as const,
  );
  // Views are in the catalog too.
  const others = [...texts]
    .filter(([, { kind }]) => kind !== 'view')
    .map(([key, { kind, name, sql }]) => [key, { kind, name, text: hash(sql) }] as const);
  return {
    tables: Object.fromEntries([...catalog.tables].map(([key, table]) => [key, tableSummary(table)])),
    texts: Object.fromEntries([...views, ...others]),
    objects: Object.fromEntries(
      [...catalog.objects].map(([key, { kind, name, labels, text }]) => [
        key,
        {
          kind,
          name,
          ...(labels && { labels: labels.map((label) => label.text) }),
          ...(kind !== 'function' && kind !== 'trigger-function' && { text: hash(text) }),
        },
      ]),
    ),
    unread,
  };
}

function tableSummary({ name, strict, columns, constraints }: CatalogTable): TableSummary {
  return {
    name,
    strict,
    columns: Object.fromEntries([...columns].map(([key, column]) => [key, columnSummary(name, column)])),
    constraints: [...new Set(constraints.map(inWords))],
  };
}

function columnSummary(table: string, column: CatalogColumn): ColumnSummary {
  const { name, notNull, filled, generated } = column;
  const filling = { filled, default: column.default, generated };
  return { name: `${table}.${name}`, type: typeOf(column), notNull, default: hash(JSON.stringify(filling)) };
}

function typeOf({ type, size, collation, labels }: CatalogColumn): string {
  const words = [size ? `${type}(${size.join(',')})` : type || 'no type'];
  if (labels) words.push(`(${labels.join(', ')})`);
  if (collation) words.push(`collation ${collation}`);
  return words.join(' ');
}

function inWords({ kind, columns, on }: CatalogConstraint): string {
  const what = kind.replaceAll('-', ' ');
  // An expression is kept as the tree that its text is read to.
  const detail = kind === 'foreign-key' ? ` ${on}` : on === '' ? '' : ` on an expression (${hash(on)})`;
  return `${what}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}${detail}`;
}

/** Short, and another for another text. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
