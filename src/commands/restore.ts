import type { Backup, Database, Swap, SwapPlaces, TableChange } from '../adapters/database/database.ts';
import { startHeartbeat } from '../engine/heartbeat.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { didYouMean } from '../model/suggest.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { refuseWhileUnfinished } from './unfinished.ts';

export interface RestoreOptions {
  /** Name of a backup. Default: the newest. */
  backup: string | undefined;
  accept: string[];
  reason: string | undefined;
}

/** What is kept of a restore, in the state: where it stands, and where everything is. */
export interface RestoreRecord {
  format: 1;
  backup: string;
  database: string;
  /** `begun`: the backup is being restored beside the database, which is untouched, or is being swapped in. */
  phase: 'begun' | 'done';
  places: SwapPlaces;
  /** What had been written since the backup, and is only in the replaced database. */
  changes: TableChange[];
  by: string;
  reason: string | undefined;
  /** ISO 8601, UTC. */
  at: string;
}

const KIND = 'restores';

/**
 * The last resort: the database becomes what it was when a backup was taken. The backup is proven and restored beside the
 * database, then takes its name; the replaced one is kept. One that was cut off is gone on with.
 * @throws RollbackError where nothing was swapped: usage, no such backup, one that fails its test, a database in use.
 */
export async function restore(context: CommandContext, options: RestoreOptions): Promise<CommandOutcome> {
  const { adapters, clock, serviceName, holder, stop, emit } = context;
  const { store, database } = adapters;
  if (!database) throw noDatabase(serviceName);
  const { swap } = database;
  await refuseWhileUnfinished(store, serviceName);
  const lease = await store.acquireLease(serviceName, holder, stop.immediate);
  const heartbeat = startHeartbeat({ store, lease, clock });
  const signal = AbortSignal.any([stop.immediate, stop.requested, heartbeat.lost]);
  try {
    const known = await store.get<RestoreRecord>(KIND, serviceName);
    const begun = known?.value.phase === 'begun' ? known.value : undefined;
    if (begun)
      emit({ type: 'notice', message: `Going on with the restore of ${begun.backup} of ${begun.at}.` });
    if (begun && options.backup !== undefined && options.backup !== begun.backup) throw another(begun);
    if (begun && (await swap.state(begun.places, signal)) === 'swapped')
      return await finish(context, begun, known?.version ?? 0, signal);
    const obstacles = (await swap.obstacles?.(signal)) ?? [];
    if (obstacles.length > 0) throw byHand(database, obstacles);
    const backup = await backupOf(database, begun?.backup ?? options.backup);
    emit({ type: 'notice', message: `Reading and proving ${backup.name}.` });
    await database.verify(backup, signal, 'full');
    const changes = await database.changesSince(backup, signal);
    const name = await swap.ownName();
    const record: RestoreRecord = {
      ...(begun ?? (await newRecord(context, backup, swap))),
      database: database.name,
      changes,
      reason: options.reason,
    };
    if (changes.length === 0 && !begun) return { exit: EXIT.done, json: { ...record, phase: 'done' } };
    const consent = `data-loss:${name}`;
    if (!options.accept.includes(consent)) return refused(record, consent);
    const version = await write(context, record, known?.version ?? 0);
    if ((await swap.state(record.places, signal)) === 'none') {
      emit({ type: 'notice', message: `Restoring ${backup.name} into ${record.places.restored}.` });
      await swap.restore(backup, record.places, signal);
    }
    emit({ type: 'notice', message: `Replacing ${database.name}.` });
    await swap.swap(record.places, signal);
    return await finish(context, record, version, signal);
  } finally {
    heartbeat.stop();
    await store.release(lease);
  }
}

async function newRecord(
  { clock, holder }: CommandContext,
  backup: Backup,
  swap: Swap,
): Promise<RestoreRecord> {
  const at = new Date(clock.now()).toISOString();
  const id = at.slice(0, 23).replace(/[-:]/g, '').replace(/[T.]/g, '_');
  return {
    format: 1,
    backup: backup.name,
    database: '',
    phase: 'begun',
    places: await swap.places(id),
    changes: [],
    by: `${holder.user}@${holder.host}`,
    reason: undefined,
    at,
  };
}

async function write(
  { adapters, serviceName }: CommandContext,
  record: RestoreRecord,
  version: number,
): Promise<number> {
  await adapters.store.put(KIND, serviceName, record, version);
  return (await adapters.store.get(KIND, serviceName))?.version ?? 0;
}

async function finish(
  context: CommandContext,
  record: RestoreRecord,
  version: number,
  signal: AbortSignal,
): Promise<CommandOutcome> {
  await context.adapters.database?.swap.tidy?.(record.places, signal);
  const done: RestoreRecord = { ...record, phase: 'done' };
  await write(context, done, version);
  return { exit: EXIT.done, json: done, next: 'rollback-deploy-auto check' };
}

function refused(record: RestoreRecord, consent: string): CommandOutcome {
  const { backup, database, changes } = record;
  const error = new RollbackError({
    code: 'REFUSED',
    summary: `Restoring ${backup} was not agreed to`,
    detail: changesText(changes).join('\n'),
    production: `Nothing was changed: ${database} is as it was.`,
    fix: `To lose what was written since, knowing this: rollback-deploy-auto restore ${backup} --accept ${consent} --reason TEXT`,
    exit: EXIT.refused,
  });
  return { exit: EXIT.refused, json: record, error };
}

/** What was written since, a line a table. */
export function changesText(changes: readonly TableChange[]): string[] {
  if (changes.length === 0) return ['Nothing was written since the backup.'];
  const rows = (n: number | undefined) => (n === undefined ? 'no table' : n === 1 ? '1 row' : `${n} rows`);
  return [
    'Written or changed since the backup:',
    ...changes.map(({ table, before, now }) =>
      before === undefined && now === undefined
        ? `${table}: others than in the backup`
        : before === now
          ? `${table}: other values in its ${rows(now)}`
          : `${table}: ${rows(now)} now, ${rows(before)} in the backup`,
    ),
  ];
}

/** For people. */
export function restoreText({ backup, database, places, changes }: RestoreRecord): string {
  if (changes.length === 0) return `${database} is what ${backup} holds. Nothing was changed.`;
  return [
    `Restored ${backup}: it is ${database} now.`,
    `The database that was replaced is kept, with all that was written: ${places.kept}`,
    ...changesText(changes),
  ].join('\n');
}

function byHand(database: Database, obstacles: string[]): RollbackError {
  return new RollbackError({
    code: 'RESTORE_BY_HAND',
    summary: `${database.name} can't be replaced by this program`,
    detail: obstacles.join(' '),
    production: 'Nothing was changed.',
    fix: 'Restore into a new database and point the application to it, as docs/backups.md says under "Restoring by hand".',
    exit: EXIT.refused,
  });
}

async function backupOf(database: Database, name: string | undefined): Promise<Backup> {
  const found = await database.findBackup(name);
  if (found) return found;
  const names = (await database.backups()).map((one) => one.name);
  throw new RollbackError({
    code: 'BACKUP_NOT_FOUND',
    summary:
      name === undefined
        ? `There is no finished backup of ${database.name}`
        : `There is no finished backup ${name} of ${database.name}${didYouMean(name, names)}`,
    detail: names.length > 0 ? `There are: ${names.join(', ')}.` : 'The backup folder has none.',
    production: 'Nothing was changed.',
    fix: 'Name one that is there, or correct backup.path in rollback.yaml.',
    exit: EXIT.usage,
  });
}

function another({ backup, at }: RestoreRecord): RollbackError {
  return new RollbackError({
    code: 'RESTORE_UNFINISHED',
    summary: `A restore of ${backup} has not come to its end`,
    detail: `It was begun at ${at}.`,
    production: 'The database is the one from before it.',
    fix: `Go on with it: rollback-deploy-auto restore ${backup}, with the same --accept and --reason`,
    exit: EXIT.refused,
  });
}

function noDatabase(service: string): RollbackError {
  return new RollbackError({
    code: 'NO_DATABASE',
    summary: `No database of ${service} is configured`,
    fix: 'Set database in rollback.yaml.',
    exit: EXIT.usage,
  });
}
