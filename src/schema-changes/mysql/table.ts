import { at } from '../ast.ts';
import type { ColumnDefinition, Constraint, Operation } from '../operation.ts';
import { createTable as tableOfQuery } from '../parse-sqlite.ts';
import type { Parse } from './elements.ts';
import { element } from './elements.ts';
import { commaParts, nameIn, parentheses, TABLE } from './text.ts';

const HEAD = new RegExp(
  `^create\\s+(or\\s+replace\\s+)?(?:temporary\\s+)?table\\s+(if\\s+not\\s+exists\\s+)?(${TABLE})\\s*`,
  'i',
);

/** Reads a CREATE TABLE: of columns, LIKE another table, or AS a query. */
export function createTable(text: string, parse: Parse): Operation[] {
  const head = HEAD.exec(text);
  if (!head) return [{ op: 'unknown', why: 'The name of the table is not found in it.' }];
  const name = nameIn(head[3] as string);
  const ifNotExists = head[2] !== undefined;
  const dropped: Operation[] = head[1] ? [{ op: 'drop-table', name, ifExists: true }] : [];
  const rest = text.slice(head[0].length);
  const like = new RegExp(`^\\(?\\s*like\\s+(${TABLE})`, 'i').exec(rest);
  if (like) return [...dropped, { op: 'copy-table', name, like: nameIn(like[1] as string), ifNotExists }];
  const parts = parentheses(rest);
  const query = parts === undefined || parts.before.trim() !== '' || /^\s*select\b/i.test(parts.inside);
  const behind = query ? rest : parts.behind;
  const hasQuery = /\bselect\b/i.test(behind);
  if (query || hasQuery) {
    if (!query) return [...dropped, { op: 'unknown', why: 'It has columns of its own, and of a query.' }];
    const [tree] = parse(`CREATE TABLE x AS ${rest.slice(rest.search(/\bselect\b/i))}`);
    const made = tableOfQuery(at(tree, 'CreateTable'), false);
    if (made.op !== 'create-table') return [made];
    return [...dropped, { ...made, table: { ...made.table, name, strict: true }, ifNotExists }];
  }
  const columns: ColumnDefinition[] = [];
  const constraints: Constraint[] = [];
  for (const part of commaParts(parts.inside)) {
    const read = element(part, name, parse);
    if (read.column) columns.push(read.column);
    constraints.push(...read.constraints);
  }
  const keys = constraints.filter(({ kind }) => kind === 'primary-key').flatMap((key) => key.columns);
  const isKey = (column: string) => keys.some((key) => key.toLowerCase() === column.toLowerCase());
  for (const column of columns) if (isKey(column.name)) column.notNull = true;
  let unnamed = 0;
  for (const constraint of constraints) {
    if (constraint.kind !== 'foreign-key' || constraint.name !== `${name}_ibfk_1`) continue;
    unnamed += 1;
    constraint.name = `${name}_ibfk_${unnamed}`;
  }
  const table = { name, columns, constraints, strict: true };
  return [...dropped, { op: 'create-table', table, ifNotExists, rows: undefined }];
}
