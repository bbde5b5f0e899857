import type { Catalog } from './catalog.ts';
import { tableIn } from './insert-needs.ts';
import type { OldQuery } from './old-queries.ts';

type Engine = 'postgresql' | 'mysql' | 'sqlite';

/** A table as the old code's model has it. */
export interface OldModel {
  file: string;
  /** From 1, in the file. */
  line: number;
  /** As the code calls it. */
  name: string;
  /** Its schema, where one is said, and its name. */
  table: readonly string[];
  /** Whether rows can be written, e.g. not to a view. */
  written: boolean;
  columns: readonly OldColumn[];
}

export interface OldColumn {
  name: string;
  /** Whether an INSERT gives it a value; `never`: that is left to the database. */
  given: 'always' | 'sometimes' | 'never';
  /** Values that the model knows, where it is of an enumeration. */
  values?: readonly string[];
}

/** An enumeration that is a type of its own. */
export interface OldEnumeration {
  file: string;
  line: number;
  name: string;
  type: readonly string[];
  values: readonly string[];
}

/** All that is known of the old code's view of the schema. */
export interface OldCode {
  queries: OldQuery[];
  models: OldModel[];
  enumerations: OldEnumeration[];
}

/**
 * What an ORM would run for models: it names every column, to read and to write; and each value of an enumeration, where
 * those are types. Columns that the live database fills alone are not written. Pure.
 * @param live Undefined where it could not be read.
 */
export function queriesOfModels(code: OldCode, live: Catalog | undefined, engine: Engine): OldQuery[] {
  return [
    ...code.models.flatMap((model) => queriesOfModel(model, live, engine)),
    // Elsewhere a column declares them.
    ...(engine === 'postgresql' ? code.enumerations.map((one) => queryOfEnumeration(one, engine)) : []),
  ];
}

function queriesOfModel(model: OldModel, live: Catalog | undefined, engine: Engine): OldQuery[] {
  const { file, line, name, columns } = model;
  const from = model.table.map((part) => quote(part, engine)).join('.');
  const list = (some: readonly OldColumn[]) => some.map((column) => quote(column.name, engine)).join(', ');
  const own = { file, line, name, inserts: [], enumerations: [] };
  const selects: OldQuery = { ...own, text: `SELECT ${list(columns)} FROM ${from}`, writes: false };
  if (!model.written) return [selects];
  const table = model.table.join('.');
  const actual = live && tableIn(live, table);
  const left = columns.filter((column) => actual?.columns.get(column.name)?.generated);
  const given = columns.filter((column) => column.given !== 'never' && !left.includes(column));
  const namesOf = (some: readonly OldColumn[]) => some.map((column) => column.name);
  const insert = {
    table,
    named: namesOf(given.filter((column) => column.given === 'always')),
    optional: namesOf(given.filter((column) => column.given === 'sometimes')),
    left: namesOf(left.filter((column) => column.given !== 'never')),
  };
  const parameters = given.map((_, i) => (engine === 'postgresql' ? `$${i + 1}` : '?')).join(', ');
  const none = engine === 'mysql' ? '() VALUES ()' : 'DEFAULT VALUES';
  const what = given.length === 0 ? none : `(${list(given)}) VALUES (${parameters})`;
  const inserts: OldQuery = {
    ...own,
    text: `INSERT INTO ${from} ${what}`,
    writes: true,
    inserts: [insert],
    enumerations: columns.flatMap(({ name: column, values }) =>
      values ? [{ values, of: { table, column } }] : [],
    ),
  };
  return [selects, inserts];
}

function queryOfEnumeration({ file, line, name, type, values }: OldEnumeration, engine: Engine): OldQuery {
  const to = type.map((part) => quote(part, engine)).join('.');
  const casts = values.map((value) => `CAST('${value.replaceAll("'", "''")}' AS ${to})`);
  const enumerations = [{ values, of: { type: type.join('.') } }];
  return { file, line, name, text: `SELECT ${casts.join(', ')}`, writes: true, inserts: [], enumerations };
}

function quote(name: string, engine: Engine): string {
  return engine === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
}
