import { createReadStream } from 'node:fs';
import { RollbackError } from '../../../model/error.ts';
import { messageOf, notVerified } from '../backup-folder.ts';
import { requireUnchanged } from '../backup-manifest.ts';
import type { Backup, VerifyDepth } from '../database.ts';
import { runTool } from '../run-tool.ts';
import type { PostgresqlManifest } from './back-up.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import type { Content } from './content.ts';
import { contentHash, differenceOf, readObjects, readRows, readTables } from './content.ts';
import { readSequences, sequenceDifference } from './database-shape.ts';
import type { PostgresqlOptions } from './options.ts';
import { dropAbandoned, withScratch } from './scratch.ts';
import type { PostgresqlTools } from './tools.ts';
import { findTools, runOnServer } from './tools.ts';

/** Proves a backup as `Database.verify` promises, in a scratch database on the server that it was taken of. */
export async function verifyPostgresql(
  options: PostgresqlOptions,
  backup: Backup,
  signal: AbortSignal,
  depth: VerifyDepth,
): Promise<void> {
  try {
    const { manifest, content } = await requireWhole(backup, signal);
    // Restoring its data reads it whole too.
    if (depth === 'read') return await readWhole(backup, manifest, signal);
    await withSession(options, { signal, statementTimeoutMs: 0 }, async (session) => {
      const tools = await findTools(session.major);
      await dropAbandoned(session);
      await requireCreateDatabase(session, backup);
      await withScratch(session, manifest.own.shape, (scratch) =>
        restoreAndCompare({ options, backup, manifest, content, scratch, tools, signal }),
      );
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RollbackError && error.code === 'BACKUP_NOT_VERIFIED') throw error;
    const fix = error instanceof RollbackError ? error.fix : undefined;
    throw notVerified(backup, `Restoring it failed: ${messageOf(error).replace(/\.$/, '')}.`, error, fix);
  }
}

/** Its manifest too, whose parts must make up the hash. */
export async function requireWhole(
  backup: Backup,
  signal: AbortSignal,
): Promise<{ manifest: PostgresqlManifest; content: Content }> {
  const manifest = (await requireUnchanged(backup, signal)) as PostgresqlManifest;
  const content = { rows: manifest.rows, hashes: manifest.own.hashes, objects: manifest.own.objects };
  if (contentHash(content) !== backup.contentHash)
    throw notVerified(backup, `${backup.name}.json is not what was written.`);
  return { manifest, content };
}

/** `pg_restore --list` reads the table of contents alone; only what is asked for as SQL is read and decompressed. */
async function readWhole(backup: Backup, manifest: PostgresqlManifest, signal: AbortSignal): Promise<void> {
  const { restore } = await findTools(Number.parseInt(manifest.server, 10));
  const tool = { path: restore, args: ['--file=/dev/null'], env: {} };
  await runTool(tool, { signal, input: createReadStream(backup.path, { highWaterMark: 1 << 20 }) });
}

async function requireCreateDatabase(session: Session, backup: Backup): Promise<void> {
  const [{ may }] = (await session.rows(
    'SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user',
  )) as [{ may: boolean }];
  if (may) return;
  throw notVerified(
    backup,
    `It is proven by restoring it into a scratch database, and "${session.user}" may not make one.`,
    undefined,
    `Let it: ALTER ROLE "${session.user}" CREATEDB; or have backups read only: --backup-verify read`,
  );
}

interface Proof {
  options: PostgresqlOptions;
  backup: Backup;
  manifest: PostgresqlManifest;
  content: Content;
  scratch: string;
  tools: PostgresqlTools;
  signal: AbortSignal;
}

/** Restores the whole of a backup into the scratch database, unlogged and without owners and privileges. */
export async function restoreAll(proof: Proof): Promise<void> {
  const { options, scratch, signal } = proof;
  await restoreSection(proof, 'pre-data');
  await withSession(options, { signal, database: scratch, statementTimeoutMs: 0 }, withoutLog);
  await restoreSection(proof, 'data');
  await restoreSection(proof, 'post-data');
}

async function restoreAndCompare(proof: Proof): Promise<void> {
  const { options, backup, manifest, content, scratch, signal } = proof;
  await restoreSection(proof, 'pre-data');
  const inScratch = <T>(work: (session: Session) => Promise<T>) =>
    withSession(options, { signal, database: scratch, statementTimeoutMs: 0 }, work);
  await inScratch(withoutLog);
  await restoreSection(proof, 'data');
  // Before row security that is forced on owners too comes with the next section.
  const counted = await inScratch(async (session) => readRows(session, await readTables(session)));
  await restoreSection(proof, 'post-data');
  await inScratch(async (session) => {
    const restored = { ...counted, objects: await readObjects(session) };
    const difference =
      differenceOf(content, restored) ??
      sequenceDifference(manifest.own.sequences, await readSequences(session));
    if (difference !== undefined) throw notVerified(backup, difference);
  });
}

/** Neither replicas nor an archive of the log get what is dropped in a moment. */
async function withoutLog(session: Session): Promise<void> {
  const tables = await session.rows<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)`,
  );
  for (const { name } of tables) await session.rows(`ALTER TABLE ${name} SET UNLOGGED`);
}

/** Owners and privileges are left out: the role that proves it need not be a member of all owners. */
async function restoreSection(
  { options, backup, scratch, tools, signal }: Proof,
  section: 'pre-data' | 'data' | 'post-data',
): Promise<void> {
  const args = [
    ...[`--dbname=${scratch}`, `--section=${section}`, '--exit-on-error', '--no-password'],
    ...['--no-owner', '--no-privileges', '--no-tablespaces', '--no-security-labels'],
    ...['--no-publications', '--no-subscriptions'],
  ];
  const input = createReadStream(backup.path, { highWaterMark: 1 << 20 });
  const settings = { synchronous_commit: 'off' };
  await runOnServer(options, { path: tools.restore, args, settings }, { signal, input, database: scratch });
}
