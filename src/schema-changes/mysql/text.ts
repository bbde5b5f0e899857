import { UnreadableTree } from '../ast.ts';

/** A name, alone or behind its database's. */
export const NAME = '(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"|[\\w$\\u0080-\\uffff]+)';
export const TABLE = `${NAME}(?:\\s*\\.\\s*${NAME})?`;

/** A name without its quotes; `database.table` keeps both. */
export function nameIn(text: string): string {
  const parts = text.match(new RegExp(NAME, 'g')) ?? [];
  if (parts.length === 0) throw new UnreadableTree(`the name in ${text}`);
  return parts.map(unquoted).join('.');
}

function unquoted(name: string): string {
  const quote = name[0];
  if (quote !== '`' && quote !== '"') return name;
  return name.slice(1, -1).replaceAll(quote + quote, quote);
}

/** Tokens in which nothing is looked for. */
const QUOTED = /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`/y;

/** Parts between commas that are in no parenthesis, string or name. */
export function commaParts(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    QUOTED.lastIndex = i;
    const quoted = QUOTED.exec(text);
    if (quoted) i += quoted[0].length - 1;
    else if (text[i] === '(') depth += 1;
    else if (text[i] === ')') depth -= 1;
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  parts.push(text.slice(from));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** What is in the first parentheses, and what is before and behind them; undefined where there are none. */
export function parentheses(text: string): { before: string; inside: string; behind: string } | undefined {
  let depth = 0;
  let from = -1;
  for (let i = 0; i < text.length; i++) {
    QUOTED.lastIndex = i;
    const quoted = QUOTED.exec(text);
    if (quoted) i += quoted[0].length - 1;
    else if (text[i] === '(') {
      if (depth === 0) from = i;
      depth += 1;
    } else if (text[i] === ')') {
      depth -= 1;
      if (depth === 0)
        return { before: text.slice(0, from), inside: text.slice(from + 1, i), behind: text.slice(i + 1) };
    }
  }
  return undefined;
}

/** Replaces outside of strings and names. */
export function replaceBare(text: string, pattern: RegExp, by: string): string {
  return text
    .split(/('(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(pattern, by)))
    .join('');
}

/** The value of a string. */
export function stringIn(text: string): string {
  const quote = text[0] as string;
  return text
    .slice(1, -1)
    .replaceAll(quote + quote, quote)
    .replace(/\\([\s\S])/g, '$1');
}
