import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { RollbackError } from '../../../model/error.ts';
import type { LitestreamSource, RestorePoint, RestorePointOutlook } from '../../../model/restore-point.ts';
import { messageOf } from '../backup-folder.ts';
import type { RestorePointContext } from '../database.ts';
import { runTool, ToolFailed } from '../run-tool.ts';
import type { SqliteOptions } from './options.ts';

const TOOL = 'Litestream';
const USUAL_SOCKET = '/var/run/litestream.sock';
/** Longest time of a look, ms. */
const LOOK_MS = 5000;
/** Longest time that a sync may take before the tool gives up, s; the step's own time ends it earlier. */
const SYNC_S = 3600;

/**
 * What a restore point of Litestream would be; undefined where none is configured and none replicates this database by
 * its usual socket. Changes nothing.
 */
export async function litestreamOutlook(
  options: SqliteOptions,
  signal: AbortSignal,
): Promise<RestorePointOutlook | undefined> {
  const configured = options.restorePoint !== undefined;
  if (!configured && !existsSync(USUAL_SOCKET)) return undefined;
  const source = options.restorePoint ?? { kind: 'litestream' };
  const outlook = { tool: TOOL, configured, source };
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
    const listed = JSON.parse(await litestream(['list', '-json', ...socketOf(source)], limited)) as {
      databases: { path: string; status: string }[] | null;
    };
    const path = await realpath(options.path);
    const own = listed.databases?.find((one) => one.path === path);
    if (!own && !configured) return undefined;
    if (own?.status !== 'replicating')
      throw new Error(`${path} is ${own ? own.status : 'not among the databases that it replicates'}`);
    const { base } = await restorePlan(source, path, undefined, limited);
    return { ...outlook, base };
  } catch (error) {
    signal.throwIfAborted();
    return { ...outlook, problem: { why: sentence(error), fix: fixOf(error) } };
  }
}

/**
 * Has Litestream replicate all that is committed by now, and looks whether it could be restored to.
 * @throws RollbackError `RESTORE_POINT_FAILED`
 */
export async function recordLitestreamPoint(
  options: SqliteOptions,
  name: string,
  source: LitestreamSource,
  { nowMs, signal, progress }: RestorePointContext,
): Promise<RestorePoint> {
  try {
    const path = await realpath(options.path);
    progress('waiting for Litestream to replicate what is committed');
    const sync = ['sync', '-wait', '-json', '-timeout', String(SYNC_S), ...socketOf(source), path];
    const synced = JSON.parse(await litestream(sync, signal)) as { txid: number; replica_txid?: number };
    if ((synced.replica_txid ?? 0) < synced.txid)
      throw new Error(`the replica is at ${synced.replica_txid}, and the database at ${synced.txid}`);
    const txid = synced.txid.toString(16).padStart(16, '0');
    const { base, last } = await restorePlan(source, path, txid, signal);
    if (last !== txid) throw new Error(`the replica can be restored to ${last} only, not to ${txid}`);
    return {
      name: txid,
      at: new Date(nowMs).toISOString(),
      position: `TXID ${txid}`,
      tool: TOOL,
      base,
      restore: [
        'litestream',
        'restore',
        ...configOf(source),
        '-txid',
        txid,
        '-o',
        `${path}.restored`,
        path,
      ].join(' '),
      covers: 'the database, as a new file beside it',
    };
  } catch (error) {
    signal.throwIfAborted();
    throw new RollbackError({
      code: 'RESTORE_POINT_FAILED',
      summary: `Cannot record a restore point of ${name}`,
      detail: sentence(error),
      fix: fixOf(error),
      cause: error,
    });
  }
}

/** What a restore would begin with and where it would end, without restoring. */
async function restorePlan(
  source: LitestreamSource,
  path: string,
  txid: string | undefined,
  signal: AbortSignal,
): Promise<{ base: RestorePoint['base']; last: string }> {
  const to = txid === undefined ? [] : ['-txid', txid];
  const args = ['restore', '-dry-run', '-json', ...configOf(source), ...to, '-o', `${path}.restored`, path];
  const { files, max_txid } = JSON.parse(await litestream(args, signal)) as {
    max_txid: string;
    files: { name: string; timestamp: string }[];
  };
  const [first] = files;
  if (!first) throw new Error(`nothing of ${path} is in its replica`);
  return { base: { name: first.name, at: first.timestamp }, last: max_txid };
}

function socketOf({ socket }: LitestreamSource): string[] {
  return socket === undefined ? [] : ['-socket', socket];
}

function configOf({ config }: LitestreamSource): string[] {
  return config === undefined ? [] : ['-config', config];
}

async function litestream(args: string[], signal: AbortSignal): Promise<string> {
  const output: Buffer[] = [];
  await runTool(
    { path: 'litestream', args, env: {} },
    {
      signal,
      async output(chunk) {
        output.push(chunk);
      },
    },
  );
  return Buffer.concat(output).toString('utf8');
}

function sentence(error: unknown): string {
  if (isMissing(error)) return 'The program litestream was not found.';
  const message = error instanceof ToolFailed ? error.said || error.message : messageOf(error);
  return `litestream: ${message.replace(/\.$/, '')}.`;
}

function fixOf(error: unknown): string {
  return isMissing(error)
    ? 'Install litestream 0.5 or later where this runs.'
    : 'See that litestream replicate runs with its control socket on, and that backup.restorePoint names its socket and configuration.';
}

function isMissing(error: unknown): boolean {
  return (
    (error as NodeJS.ErrnoException).code === 'ENOENT' &&
    (error as NodeJS.ErrnoException).syscall !== 'realpath'
  );
}
