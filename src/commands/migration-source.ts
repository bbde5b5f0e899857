import { detectEngine, detectFormats } from '../adapters/migrations/detect.ts';
import { migrationSources } from '../adapters/migrations/index.ts';
import type { MigrationFile, MigrationSource } from '../adapters/migrations/migrations.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { ENGINES, type Engine, type MigrationFormat } from '../model/migration-formats.ts';
import type { Migration } from '../model/release.ts';
import type { MigrationFolder } from './migration-files.ts';

/** @throws RollbackError `FORMAT_UNKNOWN` (exit 2); undefined where there is nothing to judge */
export function sourceOf(
  { folder, named }: MigrationFolder,
  files: readonly MigrationFile[],
  format: MigrationFormat | undefined,
): MigrationSource | undefined {
  if (format !== undefined) return migrationSources[format]();
  if (files.length === 0 && named === undefined) return undefined;
  const found = detectFormats(files);
  const [only, ...others] = found;
  if (only !== undefined && readAlike(found, files, folder)) return migrationSources[only]();
  const shown = folder === '' ? 'this folder' : folder;
  throw new RollbackError({
    code: 'FORMAT_UNKNOWN',
    summary: `The format of the migrations in ${shown} is not clear`,
    detail:
      others.length > 0
        ? `The files bear the marks of ${found.join(' and ')}.`
        : 'The files bear the mark of no tool whose format is known.',
    fix: `Say it: --format ${only ?? 'NAME'}`,
    exit: EXIT.usage,
  });
}

/** Whether it is the same which of the formats is taken, e.g. since two tools name their files in one way. */
function readAlike(
  formats: readonly MigrationFormat[],
  files: readonly MigrationFile[],
  folder: string,
): boolean {
  const read = formats.map((format) =>
    JSON.stringify(
      parse(migrationSources[format](), files, folder).map(({ file, up, down }) => [file, up, down]),
    ),
  );
  return new Set(read).size === 1;
}

/** @throws RollbackError `MIGRATION_UNREADABLE` (exit 2) */
export function parse(source: MigrationSource, files: readonly MigrationFile[], folder: string): Migration[] {
  try {
    return source.parse(files, folder);
  } catch (error) {
    if (!(error instanceof RollbackError)) throw error;
    const fix = 'Correct the file, or say whose format it is: --format NAME';
    throw error.with({ fix, exit: EXIT.usage });
  }
}

/** @throws RollbackError `ENGINE_UNKNOWN` (exit 2) */
export function engineOf(files: readonly MigrationFile[], source: MigrationSource, folder: string): Engine {
  const found = detectEngine(files, source.format);
  if (found) return found;
  throw new RollbackError({
    code: 'ENGINE_UNKNOWN',
    summary: `Which engine the migrations in ${folder || 'this folder'} are for is not clear`,
    detail: 'No word in them is of one engine alone, or they have words of several.',
    fix: `Say it: --engine ${ENGINES.join('|')}`,
    exit: EXIT.usage,
  });
}

/** Files that look like the tool's, and that it would not read: better said than taken for nothing to judge. */
export function noneRead(
  files: readonly MigrationFile[],
  { tool }: MigrationSource,
  folder: string,
): RollbackError {
  const shown = folder === '' ? 'this folder' : folder;
  return new RollbackError({
    code: 'MIGRATIONS_NOT_FOUND',
    summary: `There is no migration in ${shown} that ${tool} would read`,
    detail: `Looked at ${files.length} files, e.g. ${files[0]?.path ?? 'none'}.`,
    fix: `Name the folder that ${tool} itself is given, or say whose format it is: --format NAME`,
    exit: EXIT.usage,
  });
}
