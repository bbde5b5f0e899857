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
import { commaParts, stringIn } from './text.ts';

/**
 * MySQL and MariaDB in a strict SQL mode, the default since MySQL 5.7 and MariaDB 10.2. Tables of names that differ in
 * case only are taken for one.
 */
export const mysqlDialect: Dialect = {
  key: (name) => name.toLowerCase(),
  updatableViews: true,
  viewsFollow: false,
  isImplicitColumn: () => false,
  lostUpsert: () => "the old code's ON DUPLICATE KEY UPDATE adds a row each time",
  compareTypes: (old, now) => compareTypes(old, now),
};

type ColumnType = Pick<ColumnDefinition, 'type' | 'family' | 'size' | 'labels'>;

const NAMES: Record<string, string> = {
  integer: 'int',
  int4: 'int',
  int8: 'bigint',
  int2: 'smallint',
  dec: 'decimal',
  numeric: 'decimal',
  fixed: 'decimal',
  real: 'double',
  'double precision': 'double',
  bool: 'tinyint',
  boolean: 'tinyint',
  character: 'char',
  nchar: 'char',
  nvarchar: 'varchar',
  'character varying': 'varchar',
  'char varying': 'varchar',
  'national varchar': 'varchar',
  'national char': 'char',
};

const INTEGERS: Record<string, number> = { tinyint: 3, smallint: 5, mediumint: 7, int: 10, bigint: 19 };

/** How long a text or binary value may be; others have their length declared. */
const LENGTHS: Record<string, number> = {
  tinytext: 255,
  text: 65_535,
  mediumtext: 16_777_215,
  longtext: 4_294_967_295,
  tinyblob: 255,
  blob: 65_535,
  mediumblob: 16_777_215,
  longblob: 4_294_967_295,
};

const FAMILIES: [RegExp, string][] = [
  [/int$/, 'number'],
  [/^(?:decimal|float|double)$/, 'number'],
  [/text$|char$/, 'text'],
  [/blob$|binary$/, 'binary'],
  [/^(?:date|datetime|timestamp)$/, 'time'],
];

/** Reads a type's name, what is in its parentheses, and UNSIGNED behind it. */
export function columnType(
  name: string,
  inside: string | undefined,
  behind: string,
): { type: ColumnType; serial: boolean } {
  const word = name.toLowerCase().replace(/\s+/g, ' ');
  if (word === 'serial') return { type: { type: 'bigint unsigned', family: 'number' }, serial: true };
  const base = NAMES[word] ?? word;
  const family = FAMILIES.find(([pattern]) => pattern.test(base))?.[1] ?? base;
  if (base === 'enum' || base === 'set') {
    return { type: { type: base, family, labels: commaParts(inside ?? '').map(stringIn) }, serial: false };
  }
  const unsigned = /^\s*(?:signed\s+)?(?:unsigned|zerofill)/i.test(behind);
  const numbers = (inside ?? '').split(',').map(Number);
  // How many digits of an integer are shown says nothing of what it holds.
  const sized =
    inside !== undefined && INTEGERS[base] === undefined && numbers.every((each) => Number.isInteger(each));
  const type = { type: unsigned ? `${base} unsigned` : base, family, ...(sized ? { size: numbers } : {}) };
  return { type, serial: false };
}

function compareTypes(old: ColumnType, now: ColumnType): TypeChange {
  if (old.family === 'number' && now.family === 'number') {
    const change = compareDigits(digits(old), digits(now), bare(old) === bare(now));
    if (change.verdict === 'data-destroyed' || /unsigned/.test(old.type) || !/unsigned/.test(now.type))
      return change;
    return { ...change, ...narrowed('negative numbers') };
  }
  const isText = (type: ColumnType) => type.family === 'text' || type.family === 'binary';
  if (isText(old) && isText(now)) {
    if (lengthOf(now) < lengthOf(old)) return narrowed('longer values');
    if (old.family !== now.family) return otherForm('where the old code compares with case or accents');
    const padded = old.type !== now.type && /^(?:char|binary)$/.test(`${old.type}`);
    return padded ? otherForm('where spaces at the end matter') : sameValues;
  }
  if (old.family === 'time' && now.family === 'time') {
    if (now.type === 'date' || (now.size?.[0] ?? 0) < (old.size?.[0] ?? 0)) return rounded;
    return otherForm(
      'where the time zone of the session is not UTC, or the old code reads the value as a text',
    );
  }
  if (now.family === 'text' && (old.labels || old.family === 'json')) {
    return otherForm('where the old code sorts by it, or reads into it');
  }
  if (old.family === 'text' && now.labels) return narrowed('other values');
  if (old.family === 'text' && now.family === 'json') return narrowed('what is no JSON');
  const why =
    ": its values were converted, and the old code's comparisons with it, or writes to it, go wrong";
  return { verdict: 'reads-fail', why };
}

function bare({ type }: ColumnType): string {
  return type.replace(' unsigned', '');
}

function digits(type: ColumnType): Digits {
  const name = bare(type);
  const integer = INTEGERS[name];
  // An unsigned type reaches farther, by less than a digit.
  const whole = (integer ?? 0) + (name === type.type ? 0 : 0.5);
  if (integer !== undefined) return { whole, fraction: 0, exact: whole };
  if (name === 'float') return FLOAT;
  if (name === 'double') return DOUBLE;
  return decimalDigits(type.size ?? [10, 0]);
}

function lengthOf({ type, size }: ColumnType): number {
  return LENGTHS[type] ?? size?.[0] ?? 1;
}
