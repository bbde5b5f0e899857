import type { Operation } from '../operation.ts';
import type { Parse } from './elements.ts';
import { column, constraint, element } from './elements.ts';
import { commaParts, NAME, nameIn, parentheses, TABLE } from './text.ts';

const HEAD = new RegExp(
  `^alter\\s+(?:online\\s+)?(?:ignore\\s+)?table\\s+(?:if\\s+exists\\s+)?(${TABLE})\\s*`,
  'i',
);

/** Reads an ALTER TABLE clause by clause, so that one that can't be read leaves the others read. */
export function alterTable(text: string, parse: Parse): Operation[] {
  const head = HEAD.exec(text);
  if (!head) return [{ op: 'unknown', why: 'The name of the table is not found in it.' }];
  let table = nameIn(head[1] as string);
  return commaParts(text.slice(head[0].length)).flatMap((part) => {
    const operations = clause(part, table, parse);
    for (const operation of operations) if (operation.op === 'rename-table') table = operation.to;
    return operations;
  });
}

interface ClauseReader {
  pattern: RegExp;
  read(match: RegExpExecArray, table: string, parse: Parse): Operation[];
}

function clause(text: string, table: string, parse: Parse): Operation[] {
  for (const { pattern, read } of CLAUSES) {
    const match = pattern.exec(text);
    if (match) return read(match, table, parse);
  }
  const first = /^\S+(?:\s+\S+)?/.exec(text)?.[0] ?? text;
  return [{ op: 'unknown', why: `What ALTER TABLE ... ${first} does is not known.` }];
}

const reader = (pattern: string, read: ClauseReader['read']): ClauseReader => ({
  pattern: new RegExp(`^${pattern}`, 'i'),
  read,
});
const drop = (what: string, name: (match: RegExpExecArray) => string): ClauseReader['read'] => {
  return (match, table) => [
    {
      op: 'drop-constraint',
      table,
      name: name(match),
      what,
      ifExists: /^drop\s+\w+(?:\s+key)?\s+if\s/i.test(match[0]),
    },
  ];
};
const nothing: ClauseReader['read'] = () => [{ op: 'nothing' }];

const CLAUSES: ClauseReader[] = [
  reader(
    'add\\s+(?:constraint|primary|unique|foreign|check|index|key|fulltext|spatial)\\b[\\s\\S]*',
    (match, table) => {
      const added = constraint(match[0].replace(/^add\s+/i, ''), table);
      return [
        { op: 'add-constraint', table, constraint: added },
        ...required(table, added.kind, added.columns),
      ];
    },
  ),
  reader('add\\s+partition\\b', nothing),
  reader('add\\s+(?:column\\s+)?(if\\s+not\\s+exists\\s+)?(\\([\\s\\S]*)', (match, table, parse) => {
    const inside = parentheses(match[2] as string)?.inside ?? '';
    return commaParts(inside).flatMap((part) => added(part, table, match[1] !== undefined, parse));
  }),
  reader('add\\s+(?:column\\s+)?(if\\s+not\\s+exists\\s+)?([\\s\\S]+)', (match, table, parse) =>
    added(match[2] as string, table, match[1] !== undefined, parse),
  ),
  reader(
    'drop\\s+primary\\s+key\\s*$',
    drop('key', () => 'PRIMARY'),
  ),
  reader(
    `drop\\s+(?:index|key|foreign\\s+key|constraint|check)\\s+(?:if\\s+exists\\s+)?(${NAME})\\s*$`,
    drop('key', (match) => nameIn(match[1] as string)),
  ),
  reader('(?:drop|truncate)\\s+partition\\b', (_, table) => [{ op: 'delete', table }]),
  reader(
    `drop\\s+(?:column\\s+)?(if\\s+exists\\s+)?(${NAME})(?:\\s+(?:restrict|cascade))?\\s*$`,
    (match, table) => [
      { op: 'drop-column', table, column: nameIn(match[2] as string), ifExists: match[1] !== undefined },
    ],
  ),
  reader(`rename\\s+column\\s+(?:if\\s+exists\\s+)?(${NAME})\\s+to\\s+(${NAME})\\s*$`, (match, table) => [
    { op: 'rename-column', table, column: nameIn(match[1] as string), to: nameIn(match[2] as string) },
  ]),
  reader(
    `rename\\s+(?:index|key)\\s+(?:if\\s+exists\\s+)?(${NAME})\\s+to\\s+(${NAME})\\s*$`,
    (match, table) => [
      { op: 'rename-constraint', table, name: nameIn(match[1] as string), to: nameIn(match[2] as string) },
    ],
  ),
  reader(`rename\\s+(?:to\\s+|as\\s+|=\\s*)?(${TABLE})\\s*$`, (match, table) => [
    { op: 'rename-table', name: table, to: nameIn(match[1] as string), moves: true },
  ]),
  reader('modify\\s+(?:column\\s+)?(?:if\\s+exists\\s+)?([\\s\\S]+)', (match, table, parse) =>
    restated(match[1] as string, table, parse),
  ),
  reader(`change\\s+(?:column\\s+)?(?:if\\s+exists\\s+)?(${NAME})\\s+([\\s\\S]+)`, (match, table, parse) => {
    const definition = match[2] as string;
    const to = nameIn(new RegExp(`^${NAME}`).exec(definition)?.[0] ?? '');
    const rename: Operation = { op: 'rename-column', table, column: nameIn(match[1] as string), to };
    return [rename, ...restated(definition, table, parse)];
  }),
  reader(
    `alter\\s+(?:column\\s+)?(?!index\\b|check\\b|constraint\\b)(${NAME})\\s+drop\\s+default\\s*$`,
    (match, table) => [
      {
        op: 'alter-column',
        table,
        column: nameIn(match[1] as string),
        change: { filled: false, default: undefined as unknown as string },
        computed: false,
      },
    ],
  ),
  reader(
    `alter\\s+(?:column\\s+)?(?!index\\b|check\\b|constraint\\b)(${NAME})\\s+set\\s+default\\s+([\\s\\S]+)`,
    (match, table, parse) => {
      const { column: read } = column(`c int DEFAULT ${match[2]}`, parse);
      const change = {
        filled: read.filled,
        ...(read.default === undefined ? {} : { default: read.default }),
      };
      return [{ op: 'alter-column', table, column: nameIn(match[1] as string), change, computed: false }];
    },
  ),
  reader('convert\\s+to\\s+', (_, table) => [
    {
      op: 'concern',
      table,
      rule: 'change-collation',
      verdict: 'conditional',
      why: `Texts of ${table} are stored and compared in another way.`,
      fix: 'Check that no character is lost, and that the old code does not rely on how texts compare.',
      when: 'where the old code writes characters that do not fit, or compares with case or accents',
    },
  ]),
  reader('(?:exchange|discard|import)\\b', (match) => [
    { op: 'unknown', why: `What ALTER TABLE ... ${match[0]} does to its rows is not known.` },
  ]),
  // Options of the table, and how it is changed.
  reader(
    '(?:(?:default\\s+)?(?:character\\s+set|charset|collate)|engine|auto_increment|comment|row_format|algorithm|lock|force|order\\s+by|disable\\s+keys|enable\\s+keys|stats_\\w+|key_block_size|max_rows|min_rows|avg_row_length|checksum|compression|pack_keys|delay_key_write|data\\s+directory|index\\s+directory|encryption|page_\\w+|transactional|tablespace|insert_method|union|wait|nowait|validation|(?:with|without)\\s+validation|partition\\s+by|remove\\s+partitioning|reorganize\\s+partition|coalesce\\s+partition|(?:rebuild|optimize|analyze|check|repair)\\s+partition|alter\\s+(?:index|key)\\b)',
    nothing,
  ),
];

function added(text: string, table: string, ifNotExists: boolean, parse: Parse): Operation[] {
  const read = element(text, table, parse);
  if (!read.column) {
    return read.constraints.map((each): Operation => ({ op: 'add-constraint', table, constraint: each }));
  }
  return [{ op: 'add-column', table, column: read.column, constraints: read.constraints, ifNotExists }];
}

/** MODIFY and CHANGE say all of a column: what they leave out is no more. */
function restated(text: string, table: string, parse: Parse): Operation[] {
  const { column: read, constraints } = column(text, parse);
  const { name, ...definition } = read;
  const none = { size: undefined, labels: undefined, default: undefined, collation: undefined };
  const change = { ...none, ...definition } as typeof definition;
  return [
    { op: 'alter-column', table, column: name, change, computed: false },
    ...constraints.map((each): Operation => ({ op: 'add-constraint', table, constraint: each })),
  ];
}

function required(table: string, kind: string, columns: string[]): Operation[] {
  if (kind !== 'primary-key') return [];
  return columns.map((name) => ({
    op: 'alter-column',
    table,
    column: name,
    change: { notNull: true },
    computed: false,
  }));
}
