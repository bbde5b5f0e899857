import type { Engine } from './dialect.ts';

/** A statement that the old code is known to run. */
export interface OldQuery {
  file: string;
  /** From 1, in the file. */
  line: number;
  /** As sqlc names it, e.g. `GetOrder`; undefined where nothing does. */
  name: string | undefined;
  text: string;
  /** Whether it changes rows. */
  writes: boolean;
}

/** Columns that the old code's models have, by table. */
export type Models = Readonly<Record<string, readonly string[]>>;

const READS = /^\s*(?:select|with|values|table)\b/i;
const WRITES = /^\s*(?:insert|update|delete|replace|merge)\b/i;
const INSIDE_WITH = /\b(?:insert\s+into|update\s+[\w."`]+\s+set|delete\s+from|merge\s+into)\b/i;

/**
 * The statements of a file of SQL that read or change rows, as sqlc keeps them: parameters by name (`@id`, `sqlc.arg(id)`)
 * become the engine's own. What else is in the file is left out. Pure.
 */
export function queriesOf(file: string, sql: string, engine: Engine, placeholder: '$' | '?'): OldQuery[] {
  return engine.read(withParameters(sql, placeholder)).flatMap(({ text, comments, line }): OldQuery[] => {
    const bare = text.replace(/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, '');
    if (!READS.test(bare) && !WRITES.test(bare)) return [];
    const name = [...comments.matchAll(/^\s*(?:--|#|\/\*)\s*name:\s*(\w+)/gm)].at(-1)?.[1];
    const writes = WRITES.test(bare) || (/^\s*with\b/i.test(bare) && INSIDE_WITH.test(bare));
    return [{ file, line, name, text, writes }];
  });
}

/** What an ORM would run for models: it names every column, to read and to write. Pure. */
export function queriesOfModels(
  file: string,
  models: Models,
  quote: (name: string) => string,
  placeholder: '$' | '?',
): OldQuery[] {
  return Object.entries(models).flatMap(([table, columns]): OldQuery[] => {
    const from = table.split('.').map(quote).join('.');
    const names = columns.map(quote).join(', ');
    const values = columns.map((_, i) => (placeholder === '$' ? `$${i + 1}` : '?')).join(', ');
    const own = { file, line: 1, name: table };
    return [
      { ...own, text: `SELECT ${names} FROM ${from}`, writes: false },
      { ...own, text: `INSERT INTO ${from} (${names}) VALUES (${values})`, writes: true },
    ];
  });
}

/** Parameters by name, each the same number wherever it is named. */
function withParameters(sql: string, placeholder: '$' | '?'): string {
  const numbers = new Map<string, number>();
  const parameter = (name: string) => {
    if (placeholder === '?') return '?';
    numbers.set(name, numbers.get(name) ?? numbers.size + 1);
    return `$${numbers.get(name)}`;
  };
  return sql
    .split(/(?=^\s*--\s*name:)/m)
    .map((part) => {
      numbers.clear();
      // A number that is there already is not given again.
      for (const [, number] of part.matchAll(/\$(\d+)/g)) numbers.set(`$${number}`, Number(number));
      return part.replace(
        /('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/)|\bsqlc\.embed\(\s*(\w+)\s*\)|\bsqlc\.\w+\(\s*'?(\w+)'?\s*\)|(?<![\w@<>])@(\w+)/g,
        (whole, kept?: string, table?: string, called?: string, at?: string) => {
          if (kept !== undefined) return whole;
          return table === undefined ? parameter(called ?? at ?? '') : `${table}.*`;
        },
      );
    })
    .join('');
}
