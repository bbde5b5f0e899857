import { at, kindOf, list, nameOf } from '../ast.ts';
import type { Operation } from '../operation.ts';
import { createView } from '../parse-sqlite.ts';
import { sqliteRows } from '../sqlite-rows.ts';
import { alterTable } from './alter.ts';
import type { Parse } from './elements.ts';
import { constraint } from './elements.ts';
import { createTable } from './table.ts';
import { NAME, nameIn, replaceBare, TABLE } from './text.ts';

interface StatementReader {
  pattern: RegExp;
  read(match: RegExpExecArray, text: string, parse: Parse): Operation[];
}

/** What one statement does. */
export function operations(text: string, parse: Parse): Operation[] {
  for (const { pattern, read } of READERS) {
    const match = pattern.exec(text);
    if (match) return read(match, text, parse);
  }
  const first = /^\S+(?:\s+\S+)?/.exec(text)?.[0] ?? text;
  return [{ op: 'unknown', why: `What ${first} does to the schema is not known.` }];
}

const reader = (pattern: string, read: StatementReader['read']): StatementReader => ({
  pattern: new RegExp(`^${pattern}`, 'i'),
  read,
});
const opaque = (what: string): StatementReader['read'] => {
  return () => [{ op: 'unknown', rule: 'opaque-code', why: `It runs ${what}, which is not read.` }];
};
const nothing: StatementReader['read'] = () => [{ op: 'nothing' }];
const CREATE = 'create\\s+(?:or\\s+replace\\s+)?(?:definer\\s*=\\s*\\S+(?:\\s*@\\s*\\S+)?\\s+)?';

const READERS: StatementReader[] = [
  reader('alter\\s+(?:online\\s+)?(?:ignore\\s+)?table\\b', (_, text, parse) => alterTable(text, parse)),
  reader('create\\s+(?:or\\s+replace\\s+)?(?:temporary\\s+)?table\\b', (_, text, parse) =>
    createTable(text, parse),
  ),
  reader(
    `drop\\s+(?:temporary\\s+)?tables?\\s+(if\\s+exists\\s+)?([\\s\\S]+?)(?:\\s+(?:restrict|cascade))?$`,
    (match) => names(match[2]).map((name) => ({ op: 'drop-table', name, ifExists: match[1] !== undefined })),
  ),
  reader('rename\\s+tables?\\s+(?:if\\s+exists\\s+)?([\\s\\S]+)', (match) =>
    (match[1] as string).split(',').map((pair): Operation => {
      const [from = '', to = ''] = pair.split(/\bto\b/i);
      return { op: 'rename-table', name: nameIn(from), to: nameIn(to), moves: true };
    }),
  ),
  reader(
    `create\\s+(?:or\\s+replace\\s+)?(?:online\\s+|offline\\s+)?(unique\\s+|fulltext\\s+|spatial\\s+)?index\\s+(if\\s+not\\s+exists\\s+)?(${NAME})\\s*(?:using\\s+\\w+\\s*)?on\\s+(${TABLE})\\s*([\\s\\S]*)`,
    ([, kind = '', ifNotExists, name = '', table = '', rest = '']) => [
      {
        op: 'create-index',
        table: nameIn(table),
        constraint: constraint(`${kind.trim()} INDEX ${name} ${rest}`.trim(), nameIn(table)),
        ifNotExists: ifNotExists !== undefined,
      },
    ],
  ),
  reader(
    `drop\\s+index\\s+(if\\s+exists\\s+)?(${NAME})\\s+on\\s+(${TABLE})`,
    ([, ifExists, name = '', table = '']) => [
      {
        op: 'drop-constraint',
        table: nameIn(table),
        name: nameIn(name),
        what: 'index',
        ifExists: ifExists !== undefined,
      },
    ],
  ),
  reader('create\\s[\\s\\S]*?\\bview\\b', (_, text, parse) => view(text, parse)),
  reader('drop\\s+view\\s+(if\\s+exists\\s+)?([\\s\\S]+?)(?:\\s+(?:restrict|cascade))?$', (match) =>
    names(match[2]).map((name) => ({ op: 'drop-view', name, ifExists: match[1] !== undefined })),
  ),
  reader(
    `${CREATE}trigger\\s+(?:if\\s+not\\s+exists\\s+)?(${TABLE})[\\s\\S]*?\\bon\\s+(${TABLE})\\s+for\\s`,
    (match) => [
      { op: 'create-trigger', name: nameIn(match[1] as string), table: nameIn(match[2] as string) },
    ],
  ),
  reader(`drop\\s+trigger\\s+(?:if\\s+exists\\s+)?(${TABLE})`, (match) => [
    { op: 'drop-trigger', name: nameIn(match[1] as string) },
  ]),
  reader(
    `${CREATE}(?:aggregate\\s+)?(?:procedure|function)\\s+(?:if\\s+not\\s+exists\\s+)?(${TABLE})`,
    (match, text) => [
      {
        op: 'create-object',
        kind: 'function',
        name: nameIn(match[1] as string),
        text: text.replace(/^create\s+or\s+replace\b/i, 'create').replace(/\s+/g, ' '),
        replaces: /^create\s+or\s/i.test(text),
      },
    ],
  ),
  reader(`drop\\s+(?:procedure|function)\\s+(if\\s+exists\\s+)?(${TABLE})`, (match) => [
    {
      op: 'drop-object',
      kind: 'function',
      name: nameIn(match[2] as string),
      ifExists: match[1] !== undefined,
    },
  ]),
  reader(`truncate\\s+(?:table\\s+)?(${TABLE})`, (match) => [
    { op: 'delete', table: nameIn(match[1] as string) },
  ]),
  reader('revoke\\s[\\s\\S]*', () => [
    {
      op: 'concern',
      table: undefined,
      rule: 'revoke',
      verdict: 'conditional',
      why: 'Rights are taken away that the old code may need.',
      fix: "Check the rights of the application's user.",
      when: "where they were rights of the application's user",
    },
  ]),
  reader('(?:insert|replace|update|delete|with|select|values|\\()\\b', (_, text, parse) => rows(text, parse)),
  reader('load\\s+(?:data|xml)\\b', nothing),
  reader('rollback\\b', () => [
    { op: 'unknown', why: 'What the migration does cannot be followed through ROLLBACK.' },
  ]),
  reader('set\\s+(?:(?:session|@@session\\.|@@)\\s*)?sql_mode\\b', nothing),
  reader('call\\b', opaque('a procedure')),
  reader('(?:execute|prepare)\\b', opaque('a prepared statement')),
  reader('begin\\s+not\\s+atomic\\b', opaque('a compound statement')),
  reader(
    '(?:set|start|begin|commit|savepoint|release|lock|unlock|analyze|optimize|flush|grant|show|describe|desc|explain|deallocate|check|checksum|repair|do|create\\s+(?:or\\s+replace\\s+)?(?:user|role)|create\\s+(?:definer\\s*=\\s*\\S+\\s+)?event)\\b',
    nothing,
  ),
];

function names(list: string | undefined): string[] {
  return (list ?? '').split(',').map(nameIn);
}

/** A view in words that the parser reads; who defines it and what it checks change nothing that is read. */
function view(text: string, parse: Parse): Operation[] {
  const plain = replaceBare(text, /\bwith\s+(?:cascaded\s+|local\s+)?check\s+option\b/gi, '')
    .replace(/^create\s+(?:or\s+replace\s+)?[\s\S]*?\bview\b/i, 'CREATE VIEW')
    .replace(/^(CREATE VIEW)\s+if\s+not\s+exists/i, '$1');
  return parse(plain).map((tree) => createView(at(tree, 'CreateView')));
}

function rows(text: string, parse: Parse): Operation[] {
  return parse(text).flatMap((tree): Operation[] => {
    const kind = kindOf(tree);
    const node = at(tree, kind);
    if (kind === 'Query') return [{ op: 'nothing' }];
    if (kind === 'Update') return updates(node);
    if (kind === 'Delete') return deletes(node);
    const upserts =
      at(node, 'on', 'DuplicateKeyUpdate') !== undefined && at(node, 'on', 'DuplicateKeyUpdate') !== null;
    return sqliteRows(kind, node).map((each) =>
      each.op === 'insert' && upserts ? { ...each, replaces: true } : each,
    );
  });
}

/** The tables that are joined, by the names that the statement has for them. */
function joined(tables: unknown[]): Map<string, string> {
  const found = new Map<string, string>();
  const add = (relation: unknown) => {
    const name = at(relation, 'Table', 'name');
    if (!Array.isArray(name)) return;
    const alias = at(relation, 'Table', 'alias', 'name', 'value');
    found.set(typeof alias === 'string' ? alias : nameOf(name), nameOf(name));
  };
  for (const table of tables) {
    add(at(table, 'relation'));
    for (const join of list(table, 'joins')) add(at(join, 'relation'));
  }
  return found;
}

function updates(node: unknown): Operation[] {
  const tables = joined([at(node, 'table')]);
  return list(node, 'assignments').flatMap((assignment) => {
    const parts = list(assignment, 'target', 'ColumnName');
    const column = nameOf(parts);
    const alias = parts.length > 1 ? nameOf(parts.slice(0, -1)) : undefined;
    const meant = alias === undefined ? [...tables.values()] : [tables.get(alias) ?? alias];
    return meant.map((table): Operation => ({ op: 'update', table, columns: [column] }));
  });
}

function deletes(node: unknown): Operation[] {
  const from = at(node, 'from');
  const tables = joined([
    ...list(from, 'WithFromKeyword'),
    ...list(from, 'WithoutKeyword'),
    ...list(node, 'using'),
  ]);
  const named = list(node, 'tables').map((name) => nameOf(name));
  const meant = named.length > 0 ? named : [...joined([...list(from, 'WithFromKeyword')]).keys()];
  return meant.map((name) => ({ op: 'delete', table: tables.get(name) ?? name }));
}
