import { at, list } from '../ast.ts';
import {
  compareDigits,
  type Digits,
  DOUBLE,
  decimalDigits,
  FLOAT,
  narrowed,
  otherForm,
  rounded,
  sameValues,
} from '../compare-digits.ts';
import type { Dialect, TypeChange } from '../dialect.ts';
import type { ColumnDefinition } from '../operation.ts';
import { listName } from './tree.ts';

/** PostgreSQL: names are folded by the parser, so that they are equal as they are. */
export const postgresqlDialect: Dialect = {
  key: (name) => name,
  updatableViews: true,
  viewsFollow: true,
  isImplicitColumn: (name) => /^(?:ctid|oid|xmin|xmax|cmin|cmax|tableoid)$/.test(name),
  lostUpsert: (columns) => `the old code's ON CONFLICT ${columns} fails`,
  compareTypes: (old, now) => compareTypes(old, now),
};

type ColumnType = Pick<ColumnDefinition, 'type' | 'family' | 'size'>;

/** Reads a type's name and its length, or precision and scale. */
export function columnType(node: unknown): ColumnType {
  const name = listName(list(node, 'names'));
  const type = name + '[]'.repeat(list(node, 'arrayBounds').length);
  const size = list(node, 'typmods').map((mod) => {
    const value = at(mod, 'A_Const', 'ival');
    return value === undefined ? Number.NaN : Number(at(value, 'ival') ?? 0);
  });
  const sized = size.length > 0 && size.every((mod) => !Number.isNaN(mod)) && name !== 'interval';
  return { type, family: FAMILIES[type] ?? type, ...(sized ? { size } : {}) };
}

const FAMILIES: Record<string, string> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  numeric: 'number',
  float4: 'float',
  float8: 'float',
  text: 'text',
  varchar: 'text',
  bpchar: 'text',
  citext: 'text',
  date: 'time',
  timestamp: 'time',
  timestamptz: 'time',
  json: 'json',
  jsonb: 'json',
};

/** Decimal digits that an integer type holds. */
const DIGITS: Record<string, number> = { int2: 5, int4: 10, int8: 19 };

function compareTypes(old: ColumnType, now: ColumnType): TypeChange {
  const from = kindOf(old);
  const to = kindOf(now);
  if (from === 'text' && to === 'text') return compareTexts(old, now);
  if (isNumber(from) && isNumber(to)) return compareDigits(digits(old), digits(now), old.type === now.type);
  if (from === 'time' && to === 'time') return compareTimes(old, now);
  if (from === 'json' && to === 'json')
    return otherForm(
      'where the old code relies on the order of keys, on doubles, or on operators of the old type',
    );
  if (to === 'text' && (from === 'uuid' || !KNOWN.has(from)))
    return otherForm('where the old code sorts by it, or compares it with a value of the old type');
  if (from === 'text' && !KNOWN.has(to)) return narrowed('other values');
  return { verdict: 'reads-fail', why: ": the old code's comparisons with it, or its writes to it, fail" };
}

function kindOf({ type, family }: ColumnType): string {
  return family || type;
}

/** Families of PostgreSQL's own types; others are enumerations, domains or an extension's. */
const KNOWN = new Set([
  ...Object.values(FAMILIES),
  ...[
    'bool',
    'uuid',
    'bytea',
    'time',
    'timetz',
    'interval',
    'inet',
    'cidr',
    'macaddr',
    'xml',
    'money',
    'bit',
    'varbit',
  ],
  ...['point', 'line', 'box', 'path', 'polygon', 'circle', 'tsvector', 'tsquery', 'oid', 'name', 'char'],
  ...['int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange'],
]);

function isNumber(family: string): boolean {
  return family === 'integer' || family === 'number' || family === 'float';
}

function compareTexts(old: ColumnType, now: ColumnType): TypeChange {
  const was = old.size?.[0] ?? (old.type === 'bpchar' ? 1 : Number.POSITIVE_INFINITY);
  const is = now.size?.[0] ?? (now.type === 'bpchar' ? 1 : Number.POSITIVE_INFINITY);
  if (is < was) return narrowed('longer texts');
  if (old.type === 'bpchar' || now.type === 'bpchar') return otherForm('where spaces at the end matter');
  if (old.type === 'citext' || now.type === 'citext')
    return otherForm('where the old code compares with case');
  return sameValues;
}

function digits({ type, size }: ColumnType): Digits {
  const whole = DIGITS[type];
  if (whole !== undefined) return { whole, fraction: 0, exact: whole };
  if (type === 'float4') return FLOAT;
  return type === 'float8' ? DOUBLE : decimalDigits(size ?? []);
}

function compareTimes(old: ColumnType, now: ColumnType): TypeChange {
  if (now.type === 'date') return rounded;
  if (old.type === now.type) return (now.size?.[0] ?? 6) < (old.size?.[0] ?? 6) ? rounded : sameValues;
  return otherForm(
    'where the time zone of the session is not UTC, or the old code reads the value as a text',
  );
}
