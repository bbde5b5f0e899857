import {
  ENGINES,
  type Engine,
  MIGRATION_FORMATS,
  type MigrationFormat,
} from '../../model/migration-formats.ts';
import type { TableColumns } from '../../model/migration-history.ts';
import { migrationSources } from './index.ts';
import type { MigrationFile } from './migrations.ts';

/** Formats that any numbered SQL file fits. */
const WITHOUT_MARK: readonly MigrationFormat[] = ['sqlx', 'golang-migrate'];

/**
 * Formats that the files may be of: one where that is clear, several where they bear the marks of several, none where they
 * bear none. Pure.
 */
export function detectFormats(files: readonly MigrationFile[]): MigrationFormat[] {
  const found = MIGRATION_FORMATS.filter((name) => migrationSources[name]().recognises(files));
  const marked = found.filter((name) => !WITHOUT_MARK.includes(name));
  return marked.length > 0 ? marked : found;
}

export interface DetectedTool {
  format: MigrationFormat;
  /** Where its history is. */
  at: { schema?: string | undefined; name: string };
}

/**
 * Tools whose history tables are among a database's tables, told apart by their columns where they share a name; none where
 * a table of such a name has other columns. Pure.
 */
export function detectTools(tables: readonly TableColumns[]): DetectedTool[] {
  return MIGRATION_FORMATS.flatMap((format) => {
    const { history } = migrationSources[format]();
    return tables
      .filter(({ name }) => name.toLowerCase() === history.table.toLowerCase())
      .filter(({ columns }) => {
        const types = columns.map(({ name, type }): [string, string] => [name.toLowerCase(), type]);
        return history.fits(new Map(types), tables);
      })
      .map(({ schema, name }) => ({ format, at: { schema, name } }));
  });
}

/** Words that only one engine's SQL has, without strings and comments. */
const WORDS: Record<Engine, RegExp> = {
  postgresql:
    /\b(?:bigserial|smallserial|jsonb|timestamptz|bytea|tsvector|concurrently|plpgsql|citext|regclass)\b|::\s*\w|\$\w*\$|\bcreate\s+(?:extension|type|domain|materialized)\b|\balter\s+column\s+\S+\s+(?:set\s+data\s+)?type\b|\busing\s+(?:gin|gist|brin)\b|\w\[\]|\bgenerated\s+(?:always|by\s+default)\s+as\s+identity\b/i,
  mysql:
    /\b(?:auto_increment|unsigned|utf8mb4|mediumtext|longtext|mediumint|longblob|mediumblob)\b|\bengine\s*=|\b(?:modify|change)\s+column\b|\b(?:default\s+)?(?:charset|character\s+set)\b|\bon\s+update\s+current_timestamp\b|^\s*delimiter\b/im,
  sqlite:
    /\bautoincrement\b|\bwithout\s+rowid\b|\bpragma\s+\w|\)\s*strict\b|\bsqlite_\w+|\bcreate\s+virtual\s+table\b/i,
};

/**
 * The engine that the files are for, from what their format says of it, else from words that only one engine knows;
 * undefined where nothing tells, or the words are of several. Pure.
 */
export function detectEngine(files: readonly MigrationFile[], format: MigrationFormat): Engine | undefined {
  const source = migrationSources[format]();
  const said = source.engine?.(files);
  if (said) return said;
  const sql = files.filter(({ path }) => path.endsWith('.sql')).map(({ content }) => bare(content));
  const found = ENGINES.filter((engine) => sql.some((text) => WORDS[engine].test(text)));
  return found.length === 1 ? found[0] : undefined;
}

function bare(sql: string): string {
  return sql.replace(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, ' ');
}
