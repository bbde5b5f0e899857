import { rm } from 'node:fs/promises';
import { removeAbandoned, unfinishedPath } from '../backup-files.ts';
import { backupFailed, makeFolder, requireSpace } from '../backup-folder.ts';
import type { Manifest } from '../backup-manifest.ts';
import { publishWithManifest } from '../backup-manifest.ts';
import type { Backup, BackupContext } from '../database.ts';
import { writeHashed } from '../hashed-file.ts';
import type { Session } from './connection.ts';
import { LOCK_MS, withSession } from './connection.ts';
import type { Content, Table } from './content.ts';
import { contentHash, readObjects, readRows, readTables, refuseUnreadable } from './content.ts';
import type { DatabaseShape } from './database-shape.ts';
import { readSequences, readShape } from './database-shape.ts';
import type { PostgresqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { dropAbandoned } from './scratch.ts';
import { findTools, runOnServer } from './tools.ts';

/** What the adapter keeps of a backup in its manifest. */
export interface PostgresqlManifest extends Manifest {
  own: Omit<Content, 'rows'> & {
    shape: DatabaseShape;
    /** Values before and after the dump: no snapshot holds them. */
    sequences: Record<string, [string | null, string | null]>;
  };
}

/** Of the dump per byte of table: values that can't be compressed are a little longer in it. */
const SPACE_FACTOR = 1.2;
const SPARE_BYTES = 10_000_000;

/**
 * Takes a backup as `Database.backUp` promises: pg_dump and the counting read the same exported snapshot
 * (https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION).
 */
export async function backUpPostgresql(options: PostgresqlOptions, context: BackupContext): Promise<Backup> {
  const folder = options.backupFolder;
  const unfinished = unfinishedPath(folder, 'partial');
  try {
    await makeFolder(folder);
    await removeAbandoned(folder);
    const session = { signal: context.signal, statementTimeoutMs: 0 };
    return await withSession(options, session, (session) => backUp(options, context, session, unfinished));
  } catch (error) {
    await rm(unfinished, { force: true });
    context.signal.throwIfAborted();
    throw backupFailed(nameOf(options), folder, error);
  }
}

async function backUp(
  options: PostgresqlOptions,
  context: BackupContext,
  session: Session,
  unfinished: string,
): Promise<Backup> {
  const started = performance.now();
  const tools = await findTools(session.major);
  await dropAbandoned(session);
  await session.rows('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const [{ snapshot }] = (await session.rows('SELECT pg_export_snapshot() AS snapshot')) as [
    { snapshot: string },
  ];
  const tables = await readTables(session);
  refuseUnreadable(tables, session.user);
  const needed = total(tables) * SPACE_FACTOR + SPARE_BYTES;
  await requireSpace(options.backupFolder, needed, 'The backup needs');
  const before = await readSequences(session);
  const progress = progressOf(context, tables);
  const [file, counted] = await bothOrNeither(
    context.signal,
    (signal) =>
      writeHashed(unfinished, (write) =>
        runOnServer(
          options,
          { path: tools.dump, args: dumpArguments(snapshot) },
          {
            signal,
            line: progress.line,
            async output(chunk) {
              await write(chunk);
              progress.written(chunk.length);
            },
          },
        ),
      ),
    () => readContent(session, tables, progress.counted),
  );
  const { rows, hashes, objects } = counted;
  const after = await readSequences(session);
  const sequences = Object.fromEntries(
    Object.entries(before).map(([name, value]) => [name, [value, after[name] ?? null] as const]),
  );
  return publishWithManifest(unfinished, options.backupFolder, 'dump', {
    database: nameOf(options),
    takenAt: new Date(context.nowMs).toISOString(),
    run: context.run,
    server: session.version,
    tool: `pg_dump ${tools.version}`,
    ...file,
    rows,
    contentHash: contentHash(counted),
    tookMs: Math.round(performance.now() - started),
    own: { hashes, objects, shape: await readShape(session), sequences },
  });
}

/** Without `--verbose` it does not say where it is. */
function dumpArguments(snapshot: string): string[] {
  return [
    ...['--format=custom', `--snapshot=${snapshot}`, `--lock-wait-timeout=${LOCK_MS}`],
    ...['--no-password', '--verbose'],
  ];
}

async function readContent(
  session: Session,
  tables: Table[],
  progress: (rows: number) => void,
): Promise<Content> {
  const counted = await readRows(session, tables, progress);
  return { ...counted, objects: await readObjects(session) };
}

/** Runs both; when one fails the other is ended, and awaited, and the first failure is thrown. */
async function bothOrNeither<A, B>(
  outer: AbortSignal,
  first: (signal: AbortSignal) => Promise<A>,
  second: () => Promise<B>,
): Promise<[A, B]> {
  const failed = new AbortController();
  let reason: unknown;
  const note = (error: unknown) => {
    reason ??= error;
    failed.abort(error);
    throw error;
  };
  // What counts ends by itself: its session does, once this has thrown.
  const counted = second();
  counted.catch(note).catch(() => undefined);
  const dumped = first(AbortSignal.any([outer, failed.signal]));
  try {
    return [await dumped, await counted];
  } catch (error) {
    throw reason ?? error;
  }
}

/** Time left is told by the tables that are done, by size: what is left of a table is not known. */
function progressOf({ progress }: BackupContext, tables: Table[]) {
  const started = performance.now();
  const all = total(tables);
  const sizes = new Map(tables.map((table) => [table.name.replaceAll('"', ''), table.bytes]));
  let bytes = 0;
  let rows = 0;
  let done = 0;
  let current = 0;
  const tell = () => {
    const tookMs = performance.now() - started;
    const leftMs = done > all / 20 ? Math.round((tookMs * (all - done)) / done) : undefined;
    progress({ bytes, rows, leftMs });
  };
  return {
    written(more: number) {
      bytes += more;
      tell();
    },
    counted(count: number) {
      rows = count;
      tell();
    },
    line(text: string) {
      const table = /dumping contents of table "(.*)"$/.exec(text)?.[1];
      if (table === undefined) return;
      done += current;
      current = sizes.get(table.replaceAll('"', '')) ?? 0;
    },
  };
}

function total(tables: Table[]): number {
  return tables.reduce((sum, table) => sum + table.bytes, 0);
}
