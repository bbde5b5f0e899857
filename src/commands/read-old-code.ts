import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { MigrationFile } from '../adapters/migrations/migrations.ts';
import type { Engine } from '../model/migration-formats.ts';
import { engineOf } from '../schema-changes/engines.ts';
import type { OldCode } from '../schema-changes/old-models.ts';
import { queriesOf } from '../schema-changes/old-queries.ts';
import { queriesNotFound } from '../schema-changes/queries-not-found.ts';
import { readColumnList } from '../schema-changes/read-column-list.ts';
import { readPrismaSchema } from '../schema-changes/read-prisma-schema.ts';
import { isSqlcConfiguration, queryPathsOf } from '../schema-changes/sqlc.ts';

const READ = /\.(?:sql|prisma|ya?ml|json)$/;
/** As Prisma Migrate names its files, which lie beside the schema. */
const MIGRATION = /(?:^|\/)migration\.sql$/;

/**
 * The old code's view, as the files that a path names have it: one file, those below a folder, or those that a
 * configuration of sqlc names.
 * @throws RollbackError `QUERIES_NOT_FOUND` (exit 2)
 */
export async function readOldCode(cwd: string, path: string, engine: Engine): Promise<OldCode> {
  const found = await filesOf(cwd, path);
  const [only] = found;
  const isSqlc = only !== undefined && found.length === 1 && isSqlcConfiguration(path);
  const named = isSqlc ? queryPaths(only) : [];
  const more = await Promise.all(named.map((one) => filesOf(cwd, one)));
  return oldCodeIn([...found, ...more.flat()], engine);
}

/**
 * The old code's view, as files have it, each by what it is: SQL, a schema of Prisma, columns by table; what is none of
 * them is left out. Where a configuration of sqlc is among them, SQL is what that names.
 * @throws RollbackError `QUERIES_NOT_FOUND` where one can't be read
 */
export async function oldCodeIn(files: readonly MigrationFile[], engine: Engine): Promise<OldCode> {
  const reader = await engineOf(engine);
  const places = files.filter(({ path }) => isSqlcConfiguration(path)).map(queryPaths);
  const isNamed = (path: string) =>
    places.length === 0 || places.flat().some((one) => path === one || path.startsWith(`${one}/`));
  const lists = files.filter(({ path }) => /\.(?:ya?ml|json)$/.test(path) && !isSqlcConfiguration(path));
  const prisma = await readPrismaSchema(files.filter(({ path }) => path.endsWith('.prisma')));
  return {
    queries: files
      .filter(({ path }) => path.endsWith('.sql') && !MIGRATION.test(path) && isNamed(path))
      .flatMap(({ path, content }) => queriesOf(path, content, reader, engine === 'postgresql' ? '$' : '?')),
    models: [...prisma.models, ...lists.flatMap(({ path, content }) => readColumnList(path, content))],
    enumerations: prisma.enumerations,
  };
}

function queryPaths({ path, content }: MigrationFile): string[] {
  try {
    return queryPathsOf(path, content);
  } catch (error) {
    throw queriesNotFound(path, `It can't be read: ${(error as Error).message.split('\n')[0]}.`);
  }
}

async function filesOf(cwd: string, path: string): Promise<MigrationFile[]> {
  const found = await stat(join(cwd, path)).catch(() => undefined);
  if (!found) throw queriesNotFound(path, 'It is neither a file nor a folder here.');
  const names = found.isDirectory() ? await readdir(join(cwd, path), { recursive: true }) : [''];
  const paths = names.map((name) => posix.join(path, name)).filter((each) => READ.test(each));
  return Promise.all(
    paths.sort().map(async (each) => ({ path: each, content: await readFile(join(cwd, each), 'utf8') })),
  );
}
