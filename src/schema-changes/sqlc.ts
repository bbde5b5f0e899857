import { posix } from 'node:path';
import { parse } from 'yaml';

const CONFIGURATION = /(?:^|\/)sqlc\.(?:ya?ml|json)$/;

/** Whether a file is the configuration of sqlc (https://docs.sqlc.dev/en/latest/reference/config.html). */
export function isSqlcConfiguration(path: string): boolean {
  return CONFIGURATION.test(path);
}

/**
 * Files and folders of queries that a configuration of sqlc, of version 1 or 2, names, as the path of the configuration
 * begins. Pure.
 * @throws Error where it is no YAML
 */
export function queryPathsOf(path: string, content: string): string[] {
  const configuration: unknown = parse(content);
  const { sql, packages } = Object(configuration) as { sql?: unknown; packages?: unknown };
  return [sql, packages].flatMap(listed).flatMap((one) => {
    const { queries } = Object(one) as { queries?: unknown };
    return (Array.isArray(queries) ? queries : [queries])
      .filter((each) => typeof each === 'string')
      .map((each) => posix.join(posix.dirname(path), each).replace(/\/$/, ''));
  });
}

/**
 * The statement with parameters as the engine has them, each the same number wherever it is named, and with all columns
 * where sqlc embeds a table. Pure.
 */
export function withParameters(text: string, placeholder: '$' | '?'): string {
  // A number that is there already is not given again.
  const taken = [...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number));
  const numbers = new Map<string, number>();
  let last = Math.max(0, ...taken);
  const parameter = (name: string) => {
    if (placeholder === '?') return '?';
    const number = numbers.get(name) ?? ++last;
    numbers.set(name, number);
    return `$${number}`;
  };
  return text.replace(
    /('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/)|\bsqlc\.embed\(\s*(\w+)\s*\)|\bsqlc\.\w+\(\s*['"]?(\w+)['"]?\s*\)|(?<![\w@<>])@([a-z_]\w*)/gi,
    (whole, kept?: string, table?: string, called?: string, at?: string) => {
      // To MySQL it is a variable, to SQLite a parameter.
      if (kept !== undefined || (at !== undefined && placeholder === '?')) return whole;
      return table === undefined ? parameter(called ?? at ?? '') : `${table}.*`;
    },
  );
}

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
