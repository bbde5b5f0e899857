import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, relative, resolve, sep } from 'node:path';
import type { MigrationFile } from '../adapters/migrations/migrations.ts';
import { EXIT, RollbackError } from '../model/error.ts';

/** What a PATH stands for. */
export interface MigrationFolder {
  /** As paths of its files begin, `/`-separated, from the current folder; empty for that itself. */
  folder: string;
  /** The files in it that were named one by one; undefined where the folder was. */
  named: string[] | undefined;
}

/** Where tools put their files unless told otherwise. */
export const USUAL_FOLDERS = [
  'db/migrations',
  'db/migrate',
  'migrations',
  'database/migrations',
  'prisma/migrations',
  'drizzle',
  'priv/repo/migrations',
  'src/main/resources/db/migration',
];
const SETTINGS = ['flyway.conf', 'flyway.toml'];
const SKIPPED = new Set(['node_modules', '.git', '__pycache__']);
const READ =
  /\.(?:sql|prisma|json|toml|plan|sum|conf|xml|ya?ml|py|rb|exs|[cm]?[jt]s|coffee|litcoffee|ls|iced|eg|co|go|java|kt)$/i;
/** Files of folders whose tools keep a folder for each migration. */
const WRAPPED = /^(?:up|down|migration)\.sql$/;

/**
 * The folders of migrations that paths name: each a folder, or files of one. Default: the only folder with a usual name.
 * @throws RollbackError `MIGRATIONS_NOT_FOUND` (exit 2)
 */
export async function foldersOf(cwd: string, paths: readonly string[]): Promise<MigrationFolder[]> {
  if (paths.length === 0) return [await usualFolder(cwd)];
  const folders = new Map<string, MigrationFolder>();
  for (const path of paths) {
    const full = resolve(cwd, path);
    const found = await stat(full).catch(() => undefined);
    if (!found) throw notFound(path);
    const shown = slashed(relative(cwd, full));
    if (found.isDirectory()) {
      folders.set(shown, { folder: shown, named: undefined });
      continue;
    }
    const folder = await folderOf(cwd, shown);
    const known = folders.get(folder) ?? { folder, named: [] };
    known.named?.push(shown);
    folders.set(folder, known);
  }
  return [...folders.values()];
}

/**
 * Where a tool's configuration may be that its files can't be read without: beside the folder of migrations, or in one
 * above it, from the current folder on.
 */
export function settingsAbove(folder: string): string[] {
  const parts = folder.split('/').filter((part) => part !== '' && part !== '.');
  const above = parts.map((_, i) => parts.slice(0, i).join('/'));
  return above.flatMap((path) => SETTINGS.map((name) => posix.join(path, name)));
}

/** Those of them that are there. */
export async function readSettings(cwd: string, folder: string): Promise<MigrationFile[]> {
  const read = settingsAbove(folder).map(async (path) => {
    const bytes = await readFile(join(cwd, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return bytes ? [{ path, content: textOf(path, bytes) }] : [];
  });
  return (await Promise.all(read)).flat();
}

/** The text files of a folder and those below it that some tool reads. @throws RollbackError `FILE_NOT_TEXT` (exit 2) */
export async function readFolder(cwd: string, folder: string): Promise<MigrationFile[]> {
  const paths = (await pathsBelow(cwd, folder)).filter((path) => READ.test(path)).sort();
  return Promise.all(
    paths.map(async (path) => ({ path, content: textOf(path, await readFile(join(cwd, path))) })),
  );
}

/** Whether a path of a folder is one that `readFolder` reads. */
export function isRead(path: string): boolean {
  return READ.test(path) && !path.split('/').some((part) => SKIPPED.has(part));
}

/** @throws RollbackError `FILE_NOT_TEXT` (exit 2) */
export function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new RollbackError({
      code: 'FILE_NOT_TEXT',
      summary: `${path} is not UTF-8 text`,
      detail: 'What a migration does is read from its text.',
      fix: 'Save it as UTF-8, or move it out of the folder of migrations.',
      exit: EXIT.usage,
      cause: error,
    });
  }
}

async function usualFolder(cwd: string): Promise<MigrationFolder> {
  const found: string[] = [];
  for (const folder of USUAL_FOLDERS) {
    if ((await stat(join(cwd, folder)).catch(() => undefined))?.isDirectory()) found.push(folder);
  }
  const [only, other] = found;
  if (only !== undefined && other === undefined) return { folder: only, named: undefined };
  throw new RollbackError({
    code: 'MIGRATIONS_NOT_FOUND',
    summary:
      other === undefined
        ? 'No folder of migrations was found'
        : 'Several folders may be that of the migrations',
    detail:
      other === undefined ? `Looked for ${USUAL_FOLDERS.join(', ')}.` : `There are ${found.join(' and ')}.`,
    fix: `Name the folder, e.g.: rollback-deploy-auto migrations ${only ?? 'db/migrations'}`,
    exit: EXIT.usage,
  });
}

/** The folder of migrations that a file belongs to. */
async function folderOf(cwd: string, file: string): Promise<string> {
  const inside = slashed(dirname(file));
  const above = slashed(dirname(inside));
  const up = (path: string) => (path === '.' ? '' : path);
  if (WRAPPED.test(basename(file))) return up(above);
  const isSqitch = await stat(join(cwd, above, 'sqitch.plan')).catch(() => undefined);
  return up(isSqitch ? above : inside);
}

async function pathsBelow(cwd: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(cwd, folder), { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry): Promise<string[]> => {
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : pathsBelow(cwd, path);
      if (entry.isFile()) return [path];
      // A link to a file is one; a link to a folder may lead in a circle.
      const found = entry.isSymbolicLink() ? await stat(join(cwd, path)).catch(() => undefined) : undefined;
      return found?.isFile() ? [path] : [];
    }),
  );
  return nested.flat();
}

function notFound(path: string): RollbackError {
  return new RollbackError({
    code: 'MIGRATIONS_NOT_FOUND',
    summary: `There is no ${path}`,
    detail: 'It is neither a file nor a folder here.',
    fix: 'Name a folder of migrations, or files of one, e.g.: rollback-deploy-auto migrations db/migrations',
    exit: EXIT.usage,
  });
}

function slashed(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
