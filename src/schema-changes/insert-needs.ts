import type { Catalog, CatalogTable } from './catalog.ts';
import { objectKey } from './catalog.ts';
import type { Enumeration, Insert, OldQuery, Outcome } from './old-queries.ts';

/**
 * What a live schema says of a statement that preparing it does not show: columns that an INSERT must give a value and does
 * not, and values of enumerations that are gone or new. Pure.
 */
export function judgeNeeds({ inserts, enumerations }: OldQuery, live: Catalog): Outcome {
  const outcomes = [
    ...inserts.flatMap((insert) => needsOf(insert, live)),
    ...enumerations.flatMap((enumeration) => valuesOf(enumeration, live)),
  ];
  return outcomes.find(({ fails }) => fails === true) ?? outcomes[0] ?? { fails: false };
}

/** By the name that a statement has for it: one without a schema may be of a schema that the user's search path names. */
export function tableIn({ tables }: Catalog, name: string): CatalogTable | undefined {
  const found = tables.get(name.replace(/^public\./, ''));
  if (found || name.includes('.')) return found;
  const others = [...tables.values()].filter((table) => table.name.endsWith(`.${name}`));
  return others.length === 1 ? others[0] : undefined;
}

function needsOf({ table: name, named, optional, left }: Insert, live: Catalog): Outcome[] {
  const table = tableIn(live, name);
  // A view, or what is not there: the server has said so.
  if (!table) return [];
  const columnsOf = (names: readonly string[]) => new Set(names.map((each) => table.columns.get(each)));
  const [given, perhaps] = [columnsOf(named), columnsOf(optional)];
  const needed = [...table.columns.values()].filter(
    (column) => column.notNull && !column.filled && !column.generated && !given.has(column),
  );
  const namesOf = (columns: typeof needed) => columns.map((column) => column.name);
  const missing = namesOf(needed.filter((column) => !perhaps.has(column)));
  const sometimes = namesOf(needed.filter((column) => perhaps.has(column)));
  const outcomes: Outcome[] = [];
  if (missing.length > 0) {
    const error = `${inWords(table, missing)} must not be NULL, ${missing.length === 1 ? 'has' : 'have'} no default, and it gives no value`;
    const triggers = [...live.triggers.values()].some((trigger) => trigger.table?.root === table.root);
    const when = 'where no trigger of the table gives one';
    outcomes.push(triggers ? { fails: 'once', error, when } : { fails: true, error });
  }
  if (sometimes.length > 0) {
    const error = `${inWords(table, sometimes)} must not be NULL and ${sometimes.length === 1 ? 'has' : 'have'} no default, and the model may give none`;
    outcomes.push({ fails: 'once', error, when: `where it leaves ${sometimes.join(' or ')} out` });
  }
  if (left.length > 0) {
    const error = `${inWords(table, left)} ${left.length === 1 ? 'is' : 'are'} filled by the database alone`;
    outcomes.push({ fails: 'once', error, when: `where it gives ${left.join(' or ')} a value` });
  }
  return outcomes;
}

function valuesOf({ values, of }: Enumeration, live: Catalog): Outcome[] {
  const labels =
    'type' in of ? labelsOf(of.type, live) : tableIn(live, of.table)?.columns.get(of.column)?.labels;
  // Text, or a type that is not there: the server has said so.
  if (!labels) return [];
  const where = 'type' in of ? `type ${of.type}` : `column ${of.table}.${of.column}`;
  const gone = values.filter((value) => !labels.includes(value));
  const added = labels.filter((label) => !values.includes(label));
  const outcomes: Outcome[] = [];
  if (gone.length > 0)
    outcomes.push({ fails: true, error: `${where} has no value ${gone.map(quoted).join(', ')}` });
  if (added.length > 0) {
    const error = `${where} has the value ${added.map(quoted).join(', ')}, which the code does not know`;
    outcomes.push({ fails: 'once', error, when: 'once a row holds it' });
  }
  return outcomes;
}

function labelsOf(type: string, { objects }: Catalog): string[] | undefined {
  return objects.get(objectKey('type', type.replace(/^public\./, '')))?.labels?.map(({ text }) => text);
}

function inWords({ name }: CatalogTable, columns: readonly string[]): string {
  return `column ${columns.map((column) => `${name}.${column}`).join(', ')}`;
}

function quoted(text: string): string {
  return `'${text}'`;
}
