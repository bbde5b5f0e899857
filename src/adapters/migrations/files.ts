import { RollbackError } from '../../model/error.ts';
import type { Migration } from '../../model/release.ts';
import type { MigrationFile } from './migrations.ts';

/** A file with its place in the folder. */
export interface FolderFile extends MigrationFile {
  /** Path from the folder on, e.g. `meta/_journal.json`. */
  inside: string;
  /** Last part of the path. */
  base: string;
}

/** The files with their paths from the folder on; default: what all paths begin with. Those outside are left out. */
export function filesIn(files: readonly MigrationFile[], folder = commonFolder(files)): FolderFile[] {
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  return files
    .filter(({ path }) => path.startsWith(prefix))
    .map((file) => ({
      ...file,
      inside: file.path.slice(prefix.length),
      base: file.path.slice(file.path.lastIndexOf('/') + 1),
    }));
}

/** Those directly in the folder, for tools that don't look below it. */
export function topLevel(files: readonly MigrationFile[], folder?: string): FolderFile[] {
  return filesIn(files, folder).filter(({ inside }) => !inside.includes('/'));
}

/**
 * The folder that all paths are in. What each lone file is wrapped in (`20260101_x/up.sql`) is not taken for it: where all
 * are in one subfolder, its parent can't be told from it.
 */
function commonFolder(files: readonly MigrationFile[]): string {
  const [first, ...others] = files.map(({ path }) => path.split('/').slice(0, -1));
  if (!first) return '';
  const length = others.reduce((shared, parts) => {
    const differs = parts.findIndex((part, i) => part !== first[i]);
    return Math.min(shared, differs === -1 ? parts.length : differs);
  }, first.length);
  return first.slice(0, length).join('/');
}

/** Lines without their ends; a byte order mark at the start of the text is left out. */
export function linesOf(content: string): string[] {
  return content.replace(/^\ufeff/, '').split(/\r\n|\n|\r/);
}

/** A text of the same lines in which only some say something, so that line numbers in messages are those of the file. */
export function onlyLines(
  lines: readonly string[],
  keep: (line: string, index: number) => string | undefined,
): string {
  return lines.map((line, index) => keep(line, index) ?? '').join('\n');
}

/** Lines `from` up to but without `to`, at their own line numbers. */
export function section(lines: readonly string[], from: number, to: number): string {
  return `${'\n'.repeat(from)}${lines.slice(from, to).join('\n')}`;
}

/** The SQL, or undefined where there is nothing but spaces, comments and semicolons: that reverses nothing. */
export function unlessEmpty(sql: string | undefined): string | undefined {
  if (sql === undefined) return undefined;
  return sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '').replace(/[\s;]/g, '') === '' ? undefined : sql;
}

/** By code unit, as most tools order names. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By number, of texts that are whole numbers of any length. */
export function compareNumbers(a: string, b: string): number {
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A whole number as a database stores it: without zeros before it. */
export function wholeNumber(digits: string): string {
  return String(BigInt(digits));
}

/** @throws RollbackError where two migrations are of one version */
export function refuseDoubles(migrations: readonly Migration[], tool: string): void {
  const seen = new Map<string, Migration>();
  for (const migration of migrations) {
    const before = seen.get(migration.version);
    if (before) {
      throw unreadable(tool, migration.file, 0, `${before.file} has the same version ${migration.version}.`);
    }
    seen.set(migration.version, migration);
  }
}

/** `index`: of the line, from 0. */
export function unreadable(tool: string, path: string, index: number, detail: string): RollbackError {
  return new RollbackError({
    code: 'MIGRATION_UNREADABLE',
    summary: `The migration ${path}:${index + 1} can't be read as ${tool}'s`,
    detail,
    fix: 'Correct the file, or set database.migrations.format in rollback.yaml to the tool that wrote it.',
  });
}
