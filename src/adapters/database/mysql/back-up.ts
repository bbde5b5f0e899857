import { rm } from 'node:fs/promises';
import { removeAbandoned, unfinishedPath } from '../backup-files.ts';
import { backupFailed, makeFolder, requireSpace } from '../backup-folder.ts';
import type { Manifest } from '../backup-manifest.ts';
import { publishWithManifest } from '../backup-manifest.ts';
import type { Backup, BackupContext } from '../database.ts';
import { writeHashed } from '../hashed-file.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import type { DumpContent } from './dump-content.ts';
import { contentHash, DumpReader } from './dump-content.ts';
import type { MysqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { refuseUnfit, requireRights } from './requirements.ts';
import { dropAbandoned } from './scratch.ts';
import { findTools, runDump } from './tools.ts';

/** What the adapter keeps of a backup in its manifest. */
export interface MysqlManifest extends Manifest {
  own: Omit<DumpContent, 'rows' | 'complete'> & {
    /** Of the database. */
    charset: string;
    collation: string;
  };
}

/** Of the dump per byte of rows: binary values and numbers are longer as text. */
const SPACE_FACTOR = 2.2;
const SPARE_BYTES = 10_000_000;

/**
 * Takes a backup as `Database.backUp` promises. What the dump tool writes is counted as it passes: no other session
 * could see the tool's snapshot.
 */
export async function backUpMysql(options: MysqlOptions, context: BackupContext): Promise<Backup> {
  const folder = options.backupFolder;
  const unfinished = unfinishedPath(folder, 'partial');
  try {
    await makeFolder(folder);
    await removeAbandoned(folder);
    return await withSession(options, { signal: context.signal }, (session) =>
      backUp(options, context, session, unfinished),
    );
  } catch (error) {
    await rm(unfinished, { force: true });
    context.signal.throwIfAborted();
    throw backupFailed(nameOf(options), folder, error);
  }
}

async function backUp(
  options: MysqlOptions,
  context: BackupContext,
  session: Session,
  unfinished: string,
): Promise<Backup> {
  const started = performance.now();
  const tools = await findTools(session);
  await dropAbandoned(session);
  await requireRights(session);
  const { dataBytes, notes } = await refuseUnfit(session);
  await requireSpace(options.backupFolder, dataBytes * SPACE_FACTOR + SPARE_BYTES, 'The backup needs');
  const [shape] = (await session.rows(
    `SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation
     FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()`,
  )) as [{ charset: string; collation: string }];
  const reader = new DumpReader();
  let bytes = 0;
  const file = await writeHashed(unfinished, (write) =>
    runDump(options, tools, session.database, {
      signal: context.signal,
      async output(chunk) {
        reader.push(chunk);
        await write(chunk);
        bytes += chunk.length;
        context.progress({ bytes, rows: reader.total, leftMs: leftMs(started, bytes, dataBytes) });
      },
    }),
  );
  const content = reader.end();
  if (!content.complete) throw new Error('The dump does not end with "-- Dump completed"');
  const { rows, hashes, definitions } = content;
  return publishWithManifest(unfinished, options.backupFolder, 'sql', {
    database: nameOf(options),
    takenAt: new Date(context.nowMs).toISOString(),
    run: context.run,
    server: session.version,
    tool: `${tools.family === 'mariadb' ? 'mariadb-dump' : 'mysqldump'} ${tools.version}`,
    ...file,
    rows,
    contentHash: contentHash(content),
    ...(notes.length > 0 ? { notes } : {}),
    tookMs: Math.round(performance.now() - started),
    own: { hashes, definitions, charset: shape.charset, collation: shape.collation },
  });
}

/** A dump is about as long as its rows are on the disk; where it turns out longer, nothing is said. */
function leftMs(started: number, bytes: number, expected: number): number | undefined {
  if (bytes < expected / 20 || bytes >= expected) return undefined;
  return Math.round(((performance.now() - started) * (expected - bytes)) / bytes);
}
