import type { Database } from '../adapters/database/database.ts';
import type { Clock } from '../model/clock.ts';
import type { Facts, Known } from '../model/facts.ts';
import type { Engine } from '../model/migration-formats.ts';
import type { Migration, Release } from '../model/release.ts';
import type { Catalogs } from '../schema-changes/compare-catalogs.ts';
import type { LiveCatalog } from '../schema-changes/live-catalog.ts';
import { planReplay } from '../schema-changes/replay.ts';
import type { CommandContext } from './context.ts';
import { known } from './gather-facts.ts';

/** Longest time of a replay, ms; then there is no comparison, and what the SQL says stands alone. */
const REPLAY_MS = 60_000;
/** Reasons that are named; there may be one for each statement. */
const NAMED = 3;

/**
 * The schema that the target knows, made anew from its migrations in an empty database beside the live one, and the live
 * one. undefined where there is nothing to compare: no newer migration is applied, the target's are not known, or it is
 * turned off (`database.replay: false`).
 */
export async function catalogsFor(
  { adapters: { database }, clock, configuration, stop }: CommandContext,
  facts: Facts,
  { migrations }: Release,
): Promise<Known<Catalogs> | undefined> {
  if (!database || !migrations || !facts.database?.known || configuration.database?.replay === false)
    return undefined;
  const { applied, engine } = facts.database.value;
  const shipped = new Set(migrations.map(({ version }) => version));
  if (!applied?.some((version) => !shipped.has(version))) return undefined;
  return readCatalogs(database, engine, migrations, clock, stop.immediate);
}

/** The schema that migrations make, and the live one of `database`; why not is an unknown with the way out. */
export async function readCatalogs(
  database: Database,
  engine: Engine,
  migrations: readonly Migration[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Known<Catalogs>> {
  return replayed(database, engine, migrations, clock, signal, async (target, deadline) => {
    const [made, live] = await Promise.all([target, database.catalog(deadline)]);
    return { target: made, live };
  });
}

/** The schema that the target's migrations make, as `catalogsFor` reads it. */
export async function targetSchema(
  { adapters: { database }, clock, configuration, stop }: CommandContext,
  engine: Engine,
  migrations: readonly Migration[],
): Promise<Known<LiveCatalog>> {
  if (!database || configuration.database?.replay === false)
    return { known: false, why: 'It is turned off (database.replay: false).' };
  return replayed(database, engine, migrations, clock, stop.immediate, (target) => target);
}

async function replayed<T>(
  database: Database,
  engine: Engine,
  migrations: readonly Migration[],
  clock: Clock,
  signal: AbortSignal,
  use: (target: Promise<LiveCatalog>, deadline: AbortSignal) => Promise<T>,
): Promise<Known<T>> {
  const replay = await planReplay(migrations, engine);
  if (!replay.possible) {
    const more = replay.why.length > NAMED ? ` And ${replay.why.length - NAMED} more.` : '';
    return { known: false, why: `${replay.why.slice(0, NAMED).join(' ')}${more}` };
  }
  return known(
    clock,
    'Replaying the migrations in an empty database',
    signal,
    (deadline) => use(database.replay(replay.statements, signal, deadline), deadline),
    REPLAY_MS,
  );
}

/** Schemas around migrations that are still to be applied. */
export interface PendingCatalogs {
  /** As the applied ones make it in an empty database. */
  applied: LiveCatalog;
  /** With those that are still to come. */
  after: LiveCatalog;
  live: LiveCatalog;
}

/** Likewise for migrations that `database` does not have yet. */
export async function readPending(
  database: Database,
  engine: Engine,
  before: readonly Migration[],
  pending: readonly Migration[],
  clock: Clock,
  signal: AbortSignal,
): Promise<Known<PendingCatalogs>> {
  const applied = await readCatalogs(database, engine, before, clock, signal);
  if (!applied.known) return applied;
  const after = await readCatalogs(database, engine, [...before, ...pending], clock, signal);
  if (!after.known) return after;
  const { target, live } = applied.value;
  return { known: true, value: { applied: target, after: after.value.target, live } };
}
