import type { MigrationSource } from '../adapters/migrations/migrations.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { type JudgedFile, standsInTheWay, worstOf } from '../model/judged-file.ts';
import type { Engine, MigrationFormat } from '../model/migration-formats.ts';
import type { Migration } from '../model/release.ts';
import type { CommandOutcome } from './context.ts';
import { readAtRef } from './git-files.ts';
import { judgeChanges } from './judge-folder.ts';
import { judgeLive } from './judge-live.ts';
import {
  foldersOf,
  type MigrationFolder,
  readFolder,
  readSettings,
  settingsAbove,
} from './migration-files.ts';
import { engineOf, noneRead, parse, sourceOf } from './migration-source.ts';
import { releasedFindings } from './released-files.ts';

export interface MigrationsOptions {
  /** Folders of migrations, or files of one. Default: the only folder with a usual name. */
  paths: readonly string[];
  /** Default: what the files say. */
  engine: Engine | undefined;
  format: MigrationFormat | undefined;
  /** git ref of the release that may be gone back to. Default: each file is judged for itself. */
  from: string | undefined;
  /** git ref of the newer one. Default: the files as they are here. */
  to: string | undefined;
  /** URL or path of the live database (`--database`). Default: none is asked. */
  database?: string | undefined;
  /** Queries of the old code (`--queries`), prepared on that database. Default: none. */
  queries?: string | undefined;
}

/**
 * Judges migration files: whether the code from before them could come back once they are applied. Files are judged by
 * their net effect where they are named one by one or by `from`; those of a folder each for itself; with `database` those
 * that it does not have yet, or has since `from`. Changes nothing.
 * @returns exit 0 where nothing stands in the way, else 4; the document is an array of `JudgedFile`.
 * @throws RollbackError of exit 2: `USAGE`, `MIGRATIONS_NOT_FOUND`, `FORMAT_UNKNOWN`, `ENGINE_UNKNOWN`,
 *   `NOT_A_MIGRATION`, `MIGRATION_UNREADABLE`, `HISTORY_MISSING`, `FILE_NOT_TEXT`, `REF_UNKNOWN`, `GIT_UNUSABLE`
 */
export async function migrations(cwd: string, options: MigrationsOptions): Promise<CommandOutcome> {
  if (options.to !== undefined && options.from === undefined) throw toWithoutFrom(options.to);
  if (options.queries !== undefined && options.database === undefined) throw queriesWithoutDatabase();
  const json: JudgedFile[] = [];
  if (options.database !== undefined) json.push(...(await judgeLive(cwd, options, options.database)));
  else
    for (const folder of await foldersOf(cwd, options.paths))
      json.push(...(await judgeFolder(cwd, folder, options)));
  return { exit: json.some(standsInTheWay) ? EXIT.refused : EXIT.done, json };
}

async function judgeFolder(
  cwd: string,
  place: MigrationFolder,
  options: MigrationsOptions,
): Promise<JudgedFile[]> {
  const { folder, named } = place;
  const { from, to } = options;
  const files = to === undefined ? await readFolder(cwd, folder) : await readAtRef(cwd, to, folder);
  const released = from === undefined ? undefined : await readAtRef(cwd, from, folder);
  const source = sourceOf(place, files.length > 0 ? files : (released ?? []), options.format);
  if (!source) return [];
  const settings = async (ref: string | undefined) =>
    ref === undefined ? readSettings(cwd, folder) : readAtRef(cwd, ref, ...settingsAbove(folder));
  const all = parse(source, [...files, ...(await settings(to))], folder);
  const before = released && parse(source, [...released, ...(await settings(from))], folder);
  if (all.length === 0 && !before?.length) throw noneRead(files, source, folder);
  const changes = before ? since(before, all) : namedAmong(all, place, source);
  const needsEngine = changes.migrations.some((one) => one.opaque === undefined);
  const engine = options.engine ?? (needsEngine ? engineOf(files, source, folder) : undefined);
  const judged = await judgeChanges(changes, engine);
  const others = [
    ...(before ? releasedFindings(before, all) : []),
    ...(source.problems?.(files, folder) ?? []).map(({ file, line, why, fix }) => ({
      file,
      finding: { rule: 'checksum-file', statement: '', line, verdict: 'unknown' as const, why, fix },
    })),
  ];
  for (const { file, finding } of others) {
    if (named && !named.includes(file) && finding.rule !== 'checksum-file') continue;
    const known = judged.find((one) => one.file === file);
    if (known) known.findings.push(finding);
    else
      judged.push({
        file,
        ...(engine ? { engine } : {}),
        verdict: 'safe',
        reversal: 'unknown',
        findings: [finding],
      });
  }
  return judged.map((one) => ({ ...one, verdict: worstOf(one.findings) }));
}

/** What the newer files bring: new ones, and repeatable ones that were changed. */
export function since(before: readonly Migration[], all: readonly Migration[]) {
  const known = new Map(before.map((one) => [one.version, one]));
  const isNew = (one: Migration) => {
    const old = known.get(one.version);
    return old === undefined || (one.repeatable === true && old.up !== one.up);
  };
  return { before, migrations: all.filter(isNew), together: true };
}

/** Files that were named are judged together, a folder file by file. */
function namedAmong(all: readonly Migration[], { folder, named }: MigrationFolder, source: MigrationSource) {
  if (named === undefined) return { before: [], migrations: all, together: false };
  for (const file of named) {
    if (all.some((one) => belongs(file, one))) continue;
    throw new RollbackError({
      code: 'NOT_A_MIGRATION',
      summary: `${file} is not a migration`,
      detail: `${source.tool} takes nothing from it; in ${folder || 'this folder'} there are ${all.length} migrations.`,
      fix: 'Name another file or the folder, or say whose format it is: --format NAME',
      exit: EXIT.usage,
    });
  }
  const chosen = all.filter((one) => named.some((file) => belongs(file, one)));
  const last = all.lastIndexOf(chosen.at(-1) as Migration);
  return {
    before: all.slice(0, last).filter((one) => !chosen.includes(one)),
    migrations: chosen,
    together: true,
  };
}

/** A down of its own belongs to the file that it takes back. */
function belongs(file: string, migration: Migration): boolean {
  const up = file
    .replace(/\.down\.sql$/, '.up.sql')
    .replace(/(^|\/)down\.sql$/, '$1up.sql')
    .replace(/(^|\/)(?:revert|verify)\/([^/]+)$/, '$1deploy/$2')
    .replace(/(^|\/)U([^/]*\.sql)$/, '$1V$2');
  return [file, up].includes(migration.file);
}

function queriesWithoutDatabase(): RollbackError {
  return new RollbackError({
    code: 'USAGE',
    summary: '--queries needs --database',
    detail: 'Queries are prepared on the live schema.',
    fix: 'Name the database: --database URL',
    exit: EXIT.usage,
  });
}

function toWithoutFrom(to: string): RollbackError {
  return new RollbackError({
    code: 'USAGE',
    summary: '--to needs --from',
    detail: 'What is judged is what the release at --to brings beyond that at --from.',
    fix: `Say from which release on: --from TAG --to ${to}`,
    exit: EXIT.usage,
  });
}
