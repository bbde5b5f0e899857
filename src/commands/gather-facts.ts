import type { Adapters } from '../adapters/adapters.ts';
import type { StateStore } from '../adapters/store/store.ts';
import { withDeadline } from '../engine/deadline.ts';
import type { Clock } from '../model/clock.ts';
import { RollbackError } from '../model/error.ts';
import type { DatabaseFacts, Facts, ImageFacts, Known, PlatformFacts } from '../model/facts.ts';
import { appliedVersions } from '../model/migration-history.ts';
import type { RunRecord } from '../model/record.ts';
import type { Release } from '../model/release.ts';

/** Longest time one look may take, ms. */
const LOOK_MS = 10_000;
/** How far back traffic is evidence of how the running release does now, ms. */
const RECENT_MS = 5 * 60_000;

/**
 * Reads everything a plan is built from, all at once, each look with a deadline of its own. What could not be read is
 * an unknown with its reason; only a platform that can't be reached throws.
 */
export async function gatherFacts(
  adapters: Adapters,
  clock: Clock,
  keep: number,
  signal: AbortSignal,
): Promise<Facts> {
  return lookAround(await adapters.platform.facts(signal), adapters, clock, keep, signal);
}

/** The same for a platform whose own facts are known. */
export async function lookAround(
  platform: PlatformFacts,
  adapters: Adapters,
  clock: Clock,
  keep: number,
  signal: AbortSignal,
): Promise<Facts> {
  const look: Look = (what, read) => known(clock, what, signal, read);
  const { database } = adapters;
  const watched = [platform.current, platform.canary].filter((id) => id !== undefined);
  const [images, databaseFacts, configuration, recentTraffic, rolledBackFrom] = await Promise.all([
    lookUpImages(adapters, platform, keep, look),
    database ? look(database.name, (s) => database.facts(s)) : undefined,
    look('configuration', (s) => adapters.configuration.read(s)),
    Promise.all(
      watched.map(async (id) => {
        const until = clock.now();
        const window = await look('traffic', (s) => adapters.metrics.window(id, until - RECENT_MS, until, s));
        return [id, window] as const;
      }),
    ),
    readRolledBackFrom(adapters.store, platform.service),
  ]);
  return {
    platform,
    images,
    database: databaseFacts && withHistory(databaseFacts, adapters.migrations, platform),
    configuration,
    recentTraffic: Object.fromEntries(recentTraffic),
    rolledBackFrom,
    preflight: [],
  };
}

/** What the history's rows say, in the words of the tool that wrote them; read anew once more migrations are known. */
export function withHistory(
  database: Known<DatabaseFacts>,
  source: Adapters['migrations'],
  { releases }: PlatformFacts,
): Known<DatabaseFacts> {
  if (!database.known || !source || !database.value.historyRows) return database;
  const { value } = database;
  // Some tools keep only where they stand: which migrations lead there, the releases know.
  const known = new Map(
    [...releases].reverse().flatMap(({ migrations }) => (migrations ?? []).map((one) => [one.version, one])),
  );
  const entries = source.history.read(database.value.historyRows, [...known.values()]);
  const applied = appliedVersions(entries);
  return { known: true, value: { ...value, applied, history: { tool: source.tool, entries } } };
}

/** Images whose releases are looked at though nobody asked for them by name. */
const LOOKED_AT = 20;

/** By release id. Releases of one image share one look. */
async function lookUpImages(
  { registry }: Adapters,
  { releases }: PlatformFacts,
  keep: number,
  look: Look,
): Promise<Facts['images']> {
  const looks = new Map<string, Promise<Known<ImageFacts>>>();
  for (const { image } of releases) {
    const key = `${image.reference} ${image.digest}`;
    if (looks.has(key) || looks.size >= Math.max(keep, LOOKED_AT)) continue;
    looks.set(
      key,
      look(registry.name, (s) => registry.lookUp(image, s)),
    );
  }
  const found: Facts['images'] = {};
  for (const { id, image } of releases) {
    const seen = await looks.get(`${image.reference} ${image.digest}`);
    if (seen) found[id] = seen;
  }
  return found;
}

/** The image of a release older than those that are looked at anyway. */
export async function lookUpImage(
  { registry }: Adapters,
  clock: Clock,
  { image }: Release,
  signal: AbortSignal,
): Promise<Known<ImageFacts>> {
  return known(clock, registry.name, signal, (s) => registry.lookUp(image, s));
}

type Look = <T>(what: string, read: (signal: AbortSignal) => Promise<T>) => Promise<Known<T>>;

/** One look with a deadline; what could not be read is an unknown. @throws the signal's reason where aborted */
export async function known<T>(
  clock: Clock,
  what: string,
  signal: AbortSignal,
  read: (signal: AbortSignal) => Promise<T>,
  ms = LOOK_MS,
): Promise<Known<T>> {
  const late = () =>
    new RollbackError({
      code: 'CHECK_TIMEOUT',
      summary: `${what} did not answer within ${Math.round(ms / 1000)} s`,
    });
  try {
    return { known: true, value: await withDeadline(clock, ms, [signal], late, read) };
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return { known: false, why, fix: error instanceof RollbackError ? error.fix : undefined };
  }
}

/** Digests that an earlier run went back from and that ended on its target. */
async function readRolledBackFrom(store: StateStore, service: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const name of await store.names('records')) {
    const record = (await store.get<RunRecord>('records', name))?.value;
    if (record?.service === service && record.end === 'target' && record.from.digest !== '')
      digests[record.from.digest] = record.runId;
  }
  return digests;
}
