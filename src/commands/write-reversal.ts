import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { databases } from '../adapters/database/index.ts';
import { migrationSources } from '../adapters/migrations/index.ts';
import { newMigrationFiles, WRITTEN_FORMATS } from '../adapters/migrations/new-files.ts';
import { loadConfiguration, selectService } from '../config/load.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { Engine } from '../model/migration-formats.ts';
import { proposeBridge } from '../schema-changes/propose-bridge.ts';
import type { SchemaFinding } from '../schema-changes/verdict.ts';
import type { CommandOutcome } from './context.ts';
import { readAtRef } from './git-files.ts';
import { foldersOf, readFolder } from './migration-files.ts';
import { engineOf, parse, sourceOf } from './migration-source.ts';
import { type MigrationsOptions, since } from './migrations.ts';
import { systemClock } from './system-clock.ts';

/** What was proposed. */
export interface WrittenReversal {
  /** Written, from the current folder; empty where nothing is in the way or nothing is known to help. */
  files: string[];
  up: string[];
  down: string[];
  /** Where it was run on a restored copy, or why not. */
  tried: { backup: string } | { why: string };
  /** What the old code still can't work with. */
  remaining: SchemaFinding[];
}

/**
 * Proposes a migration with which the code of both releases can work, tries it on a restored copy where a backup is
 * configured, and writes it into the folder, to be reviewed. Applies nothing.
 * @returns exit 0 where it is written and nothing stays in the way, or nothing was; else 4
 * @throws RollbackError of exit 2: as `migrations`, `FORMAT_NOT_WRITTEN`; `REVERSAL_NOT_PROVEN` where the copy refuses it
 */
export async function writeReversal(cwd: string, options: MigrationsOptions): Promise<CommandOutcome> {
  const { from, to } = options;
  if (from === undefined) throw withoutFrom();
  const [place, ...others] = await foldersOf(cwd, options.paths);
  if (!place || others.length > 0) throw severalFolders();
  const { folder } = place;
  const files = to === undefined ? await readFolder(cwd, folder) : await readAtRef(cwd, to, folder);
  const source = sourceOf(place, files, options.format);
  if (!source) throw severalFolders();
  const all = parse(source, files, folder);
  const changes = since(parse(source, await readAtRef(cwd, from, folder), folder), all);
  const engine = options.engine ?? engineOf(files, source, folder);
  const bridge = await proposeBridge(changes, engine);
  const written: WrittenReversal = { ...bridge, files: [], tried: { why: 'there is nothing to try' } };
  if (bridge.up.length === 0)
    return { exit: bridge.remaining.length > 0 ? EXIT.refused : EXIT.done, json: written };
  const name = `bridge_to_${from.replaceAll(/\W+/g, '_')}`;
  const made = newMigrationFiles(source.format, all, files, { name, ...bridge }, systemClock.now());
  if (!made) throw notWritten(source.tool);
  written.tried = await tryIt(cwd, bridge.up, engine);
  for (const { path, content } of made) {
    const file = join(folder, path);
    await mkdir(dirname(join(cwd, file)), { recursive: true });
    // Never over a file that is there.
    await writeFile(join(cwd, file), content, { flag: 'wx' });
    written.files.push(file);
  }
  return { exit: bridge.remaining.length > 0 ? EXIT.refused : EXIT.done, json: written };
}

/** Runs it in a scratch database that the newest backup was restored to. */
async function tryIt(cwd: string, up: readonly string[], engine: Engine): Promise<WrittenReversal['tried']> {
  const loaded = await loadConfiguration(cwd).catch((error) => {
    if (error instanceof RollbackError && error.code === 'CONFIG_NOT_FOUND') return undefined;
    throw error;
  });
  if (!loaded) return { why: 'there is no rollback.yaml that names a database' };
  const { configuration } = selectService(loaded.configuration, undefined);
  const { database: configured } = configuration;
  if (!configured) return { why: `${loaded.path} names no database` };
  if (configured.kind !== engine) return { why: `the database in ${loaded.path} is ${configured.kind}` };
  const { history } = migrationSources[configured.migrations.format]();
  const configFolder = dirname(loaded.path);
  const database = databases[configured.kind]({
    configuration,
    configFolder,
    stateDir: configFolder,
    history,
    secretKey: noCluster,
  });
  const backup = await database.findBackup(undefined);
  if (!backup) return { why: `there is no backup of ${database.name}` };
  const { signal } = new AbortController();
  let looked = 0;
  await database
    .withCopy(backup, signal, (inside) =>
      database.takeBack(
        {
          version: 'bridge',
          file: 'the bridge',
          statements: [...up],
          history: 'SELECT 1',
          transaction: true,
        },
        // It is no migration that is taken back, so the history has nothing to say.
        {
          inside,
          statementMs: 30 * 60_000,
          judge: () => (looked++ === 0 ? { state: 'next' } : { state: 'gone' }),
          signal,
        },
      ),
    )
    .catch((error) => {
      if (!(error instanceof RollbackError)) throw error;
      throw new RollbackError({
        code: 'REVERSAL_NOT_PROVEN',
        summary: `The proposed migration does not work on the restored copy of ${backup.name}`,
        detail: error.message,
        production: 'Nothing was written.',
        fix: 'Write a forward fix by hand.',
        exit: EXIT.failed,
        cause: error,
      });
    });
  return { backup: backup.name };
}

/** Migrations are judged without a cluster. */
async function noCluster(): Promise<never> {
  throw new RollbackError({
    code: 'SECRET_MISSING',
    summary: 'The credentials of the database are in a Secret, which is not read here',
    fix: 'Set database.url in rollback.yaml to an environment variable, or go on where there is no rollback.yaml.',
    exit: EXIT.usage,
  });
}

/** For people. */
export function writtenReversalText({ files, up, tried, remaining }: WrittenReversal): string {
  const left = remaining.map(({ file, line, why }) => `  ${file}:${line}: ${why}`);
  const open = left.length > 0 ? ['The old code still can not work with:', ...left] : [];
  if (up.length === 0) {
    if (open.length === 0) return 'Nothing stands in the way of the old code. Nothing was written.';
    return ['No migration is known that would help. Nothing was written.', ...open].join('\n');
  }
  return [
    ...files.map((file) => `Wrote ${file}`),
    'backup' in tried
      ? `Tried on the restored copy of ${tried.backup}.`
      : `Not tried on a restored copy: ${tried.why}.`,
    ...open,
    'Review it, then apply it as any other migration.',
  ].join('\n');
}

function withoutFrom(): RollbackError {
  return new RollbackError({
    code: 'USAGE',
    summary: '--write-reversal needs --from',
    detail: 'What is bridged is what came since the release that is gone back to.',
    fix: 'Say which: --from TAG --write-reversal',
    exit: EXIT.usage,
  });
}

function severalFolders(): RollbackError {
  return new RollbackError({
    code: 'USAGE',
    summary: '--write-reversal takes one folder of migrations',
    fix: 'Name it: rollback-deploy-auto migrations FOLDER --from TAG --write-reversal',
    exit: EXIT.usage,
  });
}

function notWritten(tool: string): RollbackError {
  return new RollbackError({
    code: 'FORMAT_NOT_WRITTEN',
    summary: `No migration is written in the format of ${tool}`,
    detail: `Formats that are written: ${WRITTEN_FORMATS.join(', ')}.`,
    fix: 'Write it by hand; --output json has the statements.',
    exit: EXIT.usage,
  });
}
