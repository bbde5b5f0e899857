import { at, list, UnreadableTree } from '../ast.ts';
import type { ColumnDefinition, Constraint } from '../operation.ts';
import { sqliteColumn } from '../sqlite-table.ts';
import { commaParts, NAME, nameIn, parentheses, replaceBare, TABLE } from './text.ts';
import { columnType } from './types.ts';

/** Parses SQL as MySQL writes it. */
export type Parse = (sql: string) => unknown[];

const CONSTRAINT = /^(?:constraint|primary|unique|foreign|check|index|key|fulltext|spatial)\b/i;

/** One part of a table's definition: a column with what is written beside it, or a key or constraint. */
export function element(
  text: string,
  table: string,
  parse: Parse,
): { column?: ColumnDefinition; constraints: Constraint[] } {
  if (CONSTRAINT.test(text)) return { constraints: [constraint(text, table)] };
  return column(text, parse);
}

/** Reads a column's definition; a position behind it is passed over. */
export function column(text: string, parse: Parse): { column: ColumnDefinition; constraints: Constraint[] } {
  const head = new RegExp(
    `^(${NAME})\\s+([a-z]\\w*(?:\\s+(?:precision|varying|varchar|char)\\b)?)`,
    'i',
  ).exec(text);
  if (!head) throw new UnreadableTree(`the column in ${text}`);
  const name = nameIn(head[1] as string);
  let rest = text.slice(head[0].length);
  const sized = /^\s*\(/.test(rest) ? parentheses(rest) : undefined;
  if (sized) rest = sized.behind;
  const type = columnType(head[2] as string, sized?.inside, rest);
  const options = readable(rest);
  const [tree] = parse(`CREATE TABLE x (c int ${options})`);
  const read = sqliteColumn(at(tree, 'CreateTable', 'columns', 0));
  const nodes = list(tree, 'CreateTable', 'columns', 0, 'options').map((each) => at(each, 'option'));
  const increments = /\bauto_increment\b/i.test(options) || type.serial;
  const generated = nodes.some((node) => at(node, 'Generated') !== undefined);
  const value = nodes.map((node) => at(node, 'Default')).find((node) => node !== undefined);
  const collation = /\bcollate\s+'?(\w+)/i.exec(options) ?? /\bcharacter\s+set\s+'?(\w+)/i.exec(options);
  const definition: ColumnDefinition = {
    ...read.column,
    ...type.type,
    name,
    // An enumeration that must be given takes its first value.
    filled:
      read.column.filled ||
      increments ||
      generated ||
      (type.type.labels !== undefined && read.column.notNull),
    notNull: read.column.notNull || increments || read.constraints.some(({ kind }) => kind === 'primary-key'),
    generated,
    ...(value === undefined ? {} : { default: defaultText(value) }),
    ...(increments ? { default: 'auto_increment' } : {}),
    ...(collation ? { collation: collation[1]?.toLowerCase() } : {}),
  };
  const constraints = read.constraints.map((each): Constraint => {
    if (each.kind === 'check') return { ...each, columns: [name] };
    const own = each.kind === 'primary-key' ? 'PRIMARY' : name;
    return { ...each, columns: [name], name: own };
  });
  // MySQL reads a REFERENCES beside a column, and does nothing with it.
  return { column: definition, constraints: constraints.filter(({ kind }) => kind !== 'foreign-key') };
}

const QUOTED = /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/g;
const COMMENT = new RegExp(`\\bcomment\\s+(?:${QUOTED.source})`, 'gi');

/** The same options in words that the parser reads. */
function readable(options: string): string {
  const words: [RegExp, string][] = [
    [/\b(?:unsigned|signed|zerofill|binary|ascii|unicode|invisible|visible)\b/gi, ''],
    [/\bcharset\b/gi, 'CHARACTER SET'],
    [/\bpersistent\b/gi, 'STORED'],
    [/\bsrid\s+\d+/gi, ''],
    [/\b(?:with|without)\s+system\s+versioning\b/gi, ''],
    [/\b(?:column_format|storage)\s+\w+/gi, ''],
    [/\b(?:not\s+)?enforced\b/gi, ''],
    [/\b(?:first|after)\b[\s\S]*$/gi, ''],
  ];
  const position = new RegExp(`\\b(?:after\\s+${NAME}|first)\\s*$`, 'i');
  const plain = options
    .replace(position, '')
    .replace(COMMENT, '')
    .replace(QUOTED, (text) =>
      text.startsWith('"') ? `'${text.slice(1, -1).replaceAll("'", "''").replaceAll('""', '"')}'` : text,
    );
  return words.reduce((text, [pattern, by]) => replaceBare(text, pattern, by), plain);
}

/** Equal for equal defaults: `0` and `'0'`, `NOW()` and `CURRENT_TIMESTAMP`. */
function defaultText(node: unknown): string {
  const value = at(node, 'Value', 'value');
  const plain = at(value, 'SingleQuotedString') ?? at(value, 'Number', 0) ?? at(value, 'Boolean');
  if (plain !== undefined) return String(plain);
  const name = at(node, 'Function', 'name', 0, 'Identifier', 'value');
  if (typeof name === 'string')
    return name.toLowerCase().replace(/^(?:now|localtime|localtimestamp)$/, 'current_timestamp');
  return JSON.stringify(node, (key, inner) => (key === 'span' ? undefined : inner));
}

/** Reads a key or constraint of a table. */
export function constraint(text: string, table: string): Constraint {
  const symbol = new RegExp(`^constraint\\s+(?!(?:primary|unique|foreign|check)\\b)(${NAME})\\s*`, 'i').exec(
    text,
  );
  const given = symbol ? nameIn(symbol[1] as string) : undefined;
  const rest = symbol ? text.slice(symbol[0].length) : text.replace(/^constraint\s+/i, '');
  const parts = parentheses(rest);
  if (!parts) throw new UnreadableTree(`the key in ${text}`);
  if (/^check\b/i.test(rest)) {
    const named = given === undefined ? {} : { name: given };
    return { kind: 'check', ...named, columns: [], on: parts.inside.replace(/[\s`]+/g, '').toLowerCase() };
  }
  const head = new RegExp(
    `^(primary\\s+key|unique(?:\\s+(?:index|key))?|foreign\\s+key|(?:fulltext|spatial)(?:\\s+(?:index|key))?|index|key)\\s*(?:if\\s+not\\s+exists\\s+)?(?!using\\b)(${NAME})?`,
    'i',
  ).exec(parts.before);
  if (!head) throw new UnreadableTree(`the key in ${text}`);
  const { columns, on } = keyColumns(parts.inside);
  const name = given ?? (head[2] ? nameIn(head[2]) : columns[0]);
  const named = name === undefined ? {} : { name };
  if (/^primary/i.test(head[0])) return { kind: 'primary-key', name: 'PRIMARY', columns, on };
  if (/^unique/i.test(head[0])) {
    // The index has its own name where both are given.
    return { kind: 'unique', ...named, ...(head[2] ? { name: nameIn(head[2]) } : {}), columns, on };
  }
  if (!/^foreign/i.test(head[0])) return { kind: 'index', ...named, columns, on };
  const target = new RegExp(`references\\s+(${TABLE})\\s*(\\([^)]*\\))?`, 'i').exec(parts.behind);
  if (!target) throw new UnreadableTree(`what ${text} refers to`);
  const referred = nameIn(target[1] as string);
  const gives = /on\s+delete\s+(?:cascade|set\s+null|set\s+default)/i.test(parts.behind);
  return {
    kind: 'foreign-key',
    name: given ?? `${table}_ibfk_1`,
    columns,
    on: `references ${referred}${(target[2] ?? '').replace(/[\s`]+/g, '')}`.toLowerCase(),
    ...(gives ? {} : { restricts: referred }),
  };
}

/** The columns of a key; how much of a text is in it counts too. */
function keyColumns(text: string): { columns: string[]; on: string } {
  const pattern = new RegExp(`^(${NAME})\\s*(\\(\\s*\\d+\\s*\\))?\\s*(?:asc|desc)?$`, 'i');
  const parts = commaParts(text).map((part) => pattern.exec(part));
  if (parts.some((part) => part === null)) return { columns: [], on: text.replace(/\s+/g, '').toLowerCase() };
  const lengths = parts.map((part) => (part?.[2] ?? '').replace(/\s+/g, ''));
  return {
    columns: parts.map((part) => nameIn(part?.[1] ?? '')),
    on: lengths.some((length) => length !== '') ? ` of ${lengths.join(',')}` : '',
  };
}
