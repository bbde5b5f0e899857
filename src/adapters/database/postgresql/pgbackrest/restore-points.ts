import { setTimeout as wait } from 'node:timers/promises';
import { RollbackError } from '../../../../model/error.ts';
import type { PgbackrestSource, RestorePoint, RestorePointOutlook } from '../../../../model/restore-point.ts';
import { messageOf } from '../../backup-folder.ts';
import type { RestorePointContext } from '../../database.ts';
import { type Session, withSession } from '../connection.ts';
import type { PostgresqlOptions } from '../options.ts';
import { nameOf } from '../options.ts';
import { type Archiving, archivingProblem, readArchiving } from './archiving.ts';
import { readInfo, type Stanza } from './info.ts';
import { PgbackrestFailed, pgbackrest } from './tool.ts';
import { hasReached, segmentsBetween } from './wal.ts';

/** Longest time of a statement, ms, and of a look at the repository. */
const LOOK_MS = 5000;
/** How often is looked whether a segment was archived, ms. */
const POLL_MS = 250;

/** A stanza that a restore point can be replayed from. */
type Usable = Stanza & { base: NonNullable<Stanza['base']>; archive: string };

/**
 * What a restore point of pgBackRest would be; undefined where none is configured and the server archives its WAL in
 * another way. Changes nothing.
 */
export async function restorePointOutlook(
  options: PostgresqlOptions,
  signal: AbortSignal,
): Promise<RestorePointOutlook | undefined> {
  const configured = options.restorePoint !== undefined;
  return withSession(options, { signal, statementTimeoutMs: LOOK_MS }, async (session) => {
    const archiving = await readArchiving(session);
    if (!configured && !/\bpgbackrest\b/.test(archiving.command)) return undefined;
    const source: PgbackrestSource = options.restorePoint ?? { kind: 'pgbackrest' };
    const outlook = { tool: toolName(source), configured, source };
    const problem = archivingProblem(archiving, session.user);
    if (problem) return { ...outlook, problem };
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
      const { name, base } = await usableStanza(source, archiving, limited);
      const stanza = { ...source, stanza: name };
      return { ...outlook, tool: toolName(stanza), source: stanza, base: told(base) };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof PgbackrestFailed)
        return { ...outlook, problem: { why: error.message, fix: error.fix } };
      const why = `pgbackrest info: ${messageOf(error).replace(/\.$/, '')}.`;
      return { ...outlook, problem: { why, fix: 'Try it by hand as the same user: pgbackrest info.' } };
    }
  });
}

/**
 * Records a restore point, and waits until the WAL up to it is in the repository with all that a restore needs to get
 * there. Each call records a new one: of two with the same name, a restore would stop at the first.
 * @throws RollbackError `RESTORE_POINT_FAILED`
 */
export async function recordRestorePoint(
  options: PostgresqlOptions,
  source: PgbackrestSource,
  context: RestorePointContext,
): Promise<RestorePoint> {
  const { signal, nowMs, run, progress } = context;
  try {
    return await withSession(options, { signal, statementTimeoutMs: LOOK_MS }, async (session) => {
      const archiving = await readArchiving(session);
      const problem = archivingProblem(archiving, session.user);
      if (problem) throw failed(options, problem.why, problem.fix);
      const stanza = await usableStanza(source, archiving, signal);
      const at = new Date(nowMs).toISOString();
      const name = `rollback-${run}-${at.replace(/\D/g, '')}`;
      const [{ lsn, segment }] = (await session.rows(
        `SELECT lsn::text, pg_walfile_name(lsn) AS segment FROM pg_create_restore_point($1) AS lsn`,
        [name],
      )) as [{ lsn: string; segment: string }];
      if (archiving.maySwitch) await session.rows('SELECT pg_switch_wal()');
      progress(`waiting for ${segment} to be archived`);
      await archived(options, session, segment, signal);
      await requireWal(options, { source, stanza, archiving, segment }, signal);
      const own = { ...source, stanza: stanza.name };
      return {
        name,
        at,
        position: `LSN ${lsn}`,
        tool: toolName(own),
        base: told(stanza.base),
        restore: restoreCommand(own, stanza, name),
        covers: 'the whole server, all of its databases',
      };
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PgbackrestFailed) throw failed(options, error.message, error.fix, error);
    if (error instanceof RollbackError) throw error;
    throw failed(options, `${messageOf(error).replace(/\.$/, '')}.`, undefined, error);
  }
}

function toolName({ stanza }: PgbackrestSource): string {
  return stanza === undefined ? 'pgBackRest' : `pgBackRest, stanza ${stanza}`;
}

function told({ label, endedMs }: Usable['base']): RestorePoint['base'] {
  return { name: label, at: new Date(endedMs).toISOString() };
}

/** The first repository that a restore of this server could be made from. @throws PgbackrestFailed */
async function usableStanza(
  source: PgbackrestSource,
  { systemId }: Archiving,
  signal: AbortSignal,
): Promise<Usable> {
  const named = source.stanza === undefined ? [] : [`--stanza=${source.stanza}`];
  const all = readInfo(await pgbackrest(source, ['info', '--output=json', ...named], signal), systemId);
  const usable = all.find(
    (one): one is Usable => one.problem === undefined && one.base !== undefined && one.archive !== undefined,
  );
  if (usable) return usable;
  const own = all.filter((one) => one.archive !== undefined || source.stanza !== undefined);
  const says = own.map(({ name, repo, problem, archive }) => {
    const what =
      problem ?? (archive === undefined ? 'it is of another server' : 'no usable backup of this server');
    return `stanza ${name}, repository ${repo}: ${what}`;
  });
  const detail = says.length > 0 ? says.join('; ') : `none of its stanzas is of this server (${systemId})`;
  const fix = 'Take a full backup with it, and look: pgbackrest info. Or correct backup.restorePoint.';
  throw new PgbackrestFailed(`pgbackrest info: ${detail}.`, fix, undefined);
}

/** Waits until the server says that it has archived the segment; the time of the step ends it. */
async function archived(
  options: PostgresqlOptions,
  session: Session,
  segment: string,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const now = await readArchiving(session);
    if (hasReached(now.archived, segment)) return;
    if (now.failing !== null) {
      const problem = archivingProblem(now, session.user);
      throw failed(options, `${problem?.why}`, problem?.fix);
    }
    await wait(POLL_MS, undefined, { signal });
  }
}

/**
 * Every segment from the start of the backup to the restore point must be in the repository: the server's word for what
 * it has archived is not enough where the tool gave up on some (`archive-push-queue-max`) or somebody deleted them.
 */
async function requireWal(
  options: PostgresqlOptions,
  {
    source,
    stanza,
    archiving,
    segment,
  }: { source: PgbackrestSource; stanza: Usable; archiving: Archiving; segment: string },
  signal: AbortSignal,
): Promise<void> {
  // Over a change of timelines no counting leads; what was archived last is looked for all the same.
  const needed = segmentsBetween(stanza.base.firstWal, segment, archiving.segmentBytes) ?? [segment];
  const folders = new Map<string, string[]>();
  for (const name of needed) {
    const folder = name.slice(0, 16);
    folders.set(folder, [...(folders.get(folder) ?? []), name]);
  }
  for (const [folder, names] of folders) {
    const path = `archive/${stanza.name}/${stanza.archive}/${folder}`;
    const there = await pgbackrest(source, ['repo-ls', path, `--repo=${stanza.repo}`], signal);
    const present = new Set(there.split('\n').map((file) => file.slice(0, 24)));
    const missing = names.filter((name) => !present.has(name));
    if (missing.length > 0) {
      const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
      const why = `The WAL from the backup ${stanza.base.label} to the restore point is not whole in the repository: ${missing[0]}${more} missing.`;
      throw failed(options, why, 'Take a new backup with pgBackRest, then try again.');
    }
  }
}

function restoreCommand({ config, stanza }: PgbackrestSource, { repo, base }: Usable, name: string): string {
  return [
    'pgbackrest',
    ...(config === undefined ? [] : [`--config=${config}`]),
    `--stanza=${stanza}`,
    ...(repo === 1 ? [] : [`--repo=${repo}`]),
    // Without it the newest backup is taken, which may be one from after the restore point.
    `--set=${base.label}`,
    ...['--type=name', `--target=${name}`, '--target-action=promote', 'restore'],
  ].join(' ');
}

function failed(options: PostgresqlOptions, detail: string, fix?: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'RESTORE_POINT_FAILED',
    summary: `Cannot record a restore point of ${nameOf(options)}`,
    detail,
    fix:
      fix ?? 'Correct what it says, or leave backup.restorePoint out of rollback.yaml: a dump is taken then.',
    cause,
  });
}
