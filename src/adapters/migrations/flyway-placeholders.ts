import { parse as parseToml } from 'smol-toml';
import { linesOf } from './files.ts';
import type { MigrationFile } from './migrations.ts';

/** What Flyway's configuration says of placeholders. */
interface Settings {
  prefix: string;
  suffix: string;
  replaced: boolean;
  /** Names in lower case: Flyway does not tell cases apart. */
  values: Map<string, string>;
}

/**
 * Fills in placeholders (`${name}`) whose values are in a `flyway.conf` or `flyway.toml` among the files; those of a
 * file with a longer path override others'. The others stay as they are.
 */
export function placeholders(files: readonly MigrationFile[]): (sql: string) => string {
  const settings: Settings = { prefix: '${', suffix: '}', replaced: true, values: new Map() };
  const configurations = files
    .filter(({ path }) => /(?:^|\/)flyway\.(?:conf|toml)$/.test(path))
    .sort((a, b) => a.path.length - b.path.length);
  for (const { path, content } of configurations) {
    const found = path.endsWith('.toml') ? fromToml(content) : fromProperties(content);
    for (const [key, value] of found) set(settings, key, value);
  }
  const { prefix, suffix, replaced, values } = settings;
  if (!replaced || values.size === 0) return (sql) => sql;
  const each = new RegExp(`${escaped(prefix)}(.+?)${escaped(suffix)}`, 'g');
  return (sql) => sql.replace(each, (text, name: string) => values.get(name.toLowerCase()) ?? text);
}

function set(settings: Settings, key: string, value: string): void {
  if (key === 'placeholderPrefix') settings.prefix = value;
  else if (key === 'placeholderSuffix') settings.suffix = value;
  else if (key === 'placeholderReplacement') settings.replaced = value !== 'false';
  else if (key.startsWith(VALUES)) settings.values.set(key.slice(VALUES.length).toLowerCase(), value);
}

const VALUES = 'placeholders.';

/** `flyway.key=value`, without the `flyway.`. */
function fromProperties(content: string): [string, string][] {
  return linesOf(content).flatMap((line): [string, string][] => {
    const [, key, value] = /^\s*flyway\.([\w.:-]+)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value]];
  });
}

/** Of the table `[flyway]`; none where it is no TOML, which Flyway would refuse. */
function fromToml(content: string): [string, string][] {
  let flyway: unknown;
  try {
    flyway = parseToml(content).flyway;
  } catch {
    return [];
  }
  const flat = (value: unknown, prefix: string): [string, string][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => flat(inner, prefix === '' ? key : `${prefix}.${key}`))
      : [[prefix, String(value)]];
  return flat(flyway ?? {}, '');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
