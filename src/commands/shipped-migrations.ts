import { posix, resolve } from 'node:path';
import type { MigrationFile, MigrationSource } from '../adapters/migrations/migrations.ts';
import type { ServiceConfiguration } from '../config/schema.ts';
import type { Clock } from '../model/clock.ts';
import type { Facts, Known } from '../model/facts.ts';
import type { Migration, Release } from '../model/release.ts';
import type { CommandContext } from './context.ts';
import { known, withHistory } from './gather-facts.ts';

type MigrationsConfiguration = NonNullable<ServiceConfiguration['database']>['migrations'];

/** Longest time that reading them may take in all, ms. */
const READ_MS = 60_000;

/**
 * The facts with the migrations of the releases that were recorded without: of the target, and, newest first, of as many
 * newer ones as it takes to have the SQL of every applied migration that the target lacks. They are read from the images, or
 * from git, where a database is configured and says what is applied. What could not be read is unknown, with its reason.
 */
export async function withShippedMigrations(
  context: CommandContext,
  facts: Facts,
  to: Release,
): Promise<{ facts: Facts; to: Release }> {
  const { adapters, configuration, clock, stop } = context;
  const { migrations: source } = adapters;
  const place = configuration.database?.migrations;
  if (!source || place === undefined || !facts.database?.known || !facts.database.value.applied) {
    return { facts, to };
  }
  const read = reading(await shippedFrom(place, context), source, clock, stop.immediate);
  const found = new Map<string, Known<Migration[]>>();
  const shippedBy = async (release: Release): Promise<Migration[]> => {
    if (release.migrations) return release.migrations;
    const shipped = await read(release);
    found.set(release.id, shipped);
    return shipped.known ? shipped.value : [];
  };
  const own = await shippedBy(to);
  if (found.get(to.id)?.known !== false) {
    const lacking = new Set(facts.database.value.applied);
    for (const { version } of own) lacking.delete(version);
    for (const release of newerThan(to, facts, place.from)) {
      if (lacking.size === 0) break;
      for (const { version } of await shippedBy(release)) lacking.delete(version);
    }
  }
  const seen = withFound(facts, found);
  const database = withHistory(facts.database, source, seen.platform);
  return { facts: { ...seen, database }, to: filled(to, found) };
}

/**
 * Newest first. What the tag of an image means now need not be what was deployed, so those without a digest are left out
 * there.
 */
function newerThan(
  to: Release,
  { platform: { releases } }: Facts,
  from: MigrationsConfiguration['from'],
): Release[] {
  const end = releases.findIndex(({ id }) => id === to.id);
  const newer = releases.slice(0, end < 0 ? undefined : end);
  return from === 'git' ? newer : newer.filter(({ image }) => image.digest !== '');
}

/** Where the files of releases are read from. */
export interface Shipped {
  /** Where that is for a release, e.g. `its image`. */
  place(release: Release): string;
  /** undefined where there is no such folder. */
  files(release: Release, signal: AbortSignal): Promise<MigrationFile[] | undefined>;
  /** As the files' paths begin; undefined where that is not known. */
  folder?: string;
  /** Why there is no such folder, and the way out. */
  missing(release: Release): { why: string; fix: string };
}

export async function shippedFrom(
  { from, path, clone, ref }: MigrationsConfiguration,
  { adapters, configFolder }: Pick<CommandContext, 'adapters' | 'configFolder'>,
  what: 'migrations' | 'queries' = 'migrations',
): Promise<Shipped> {
  const key = what === 'migrations' ? 'database.migrations.path' : 'database.queries';
  const fix = `Set ${key} in rollback.yaml to the folder of the ${what} in the ${from === 'git' ? 'clone' : 'image'}.`;
  if (from === 'image') {
    const read = adapters.registry.folderReader(path);
    return {
      place: () => 'its image',
      files: ({ image }, signal) => read(image, signal),
      missing: ({ image }) => ({ why: `The image ${image.reference} has no folder ${path}.`, fix }),
    };
  }
  const [{ readAtRef }, { settingsAbove }] = await Promise.all([
    import('./git-files.ts'),
    import('./migration-files.ts'),
  ]);
  const folder = posix.normalize(path).replace(/\/$/, '');
  const refOf = ({ version }: Release) => ref.replaceAll('$version', version);
  return {
    place: (release) => `git ${refOf(release)}`,
    async files(release) {
      const cwd = resolve(configFolder, clone);
      const files = await readAtRef(cwd, refOf(release), folder);
      if (files.length === 0) return undefined;
      return [...files, ...(await readAtRef(cwd, refOf(release), ...settingsAbove(folder)))];
    },
    folder,
    missing: (release) => ({ why: `git ${refOf(release)} has no folder ${path} with ${what}.`, fix }),
  };
}

function reading(
  shipped: Shipped,
  source: MigrationSource,
  clock: Clock,
  signal: AbortSignal,
): (release: Release) => Promise<Known<Migration[]>> {
  const end = clock.monotonic() + READ_MS;
  return async (release) => {
    const left = Math.max(1, end - clock.monotonic());
    const what = `Reading the migrations of ${release.version} from ${shipped.place(release)}`;
    const files = await known(clock, what, signal, (s) => shipped.files(release, s), left);
    if (!files.known) return files;
    const { value } = files;
    if (value === undefined) return { known: false, ...shipped.missing(release) };
    return known(clock, what, signal, async () => source.parse(value, shipped.folder));
  };
}

function withFound(facts: Facts, found: Map<string, Known<Migration[]>>): Facts {
  const unread = [...found].flatMap(([id, one]) => (one.known ? [] : [[id, one] as const]));
  const { platform } = facts;
  return {
    ...facts,
    platform: { ...platform, releases: platform.releases.map((release) => filled(release, found)) },
    unreadMigrations: Object.fromEntries(unread.map(([id, { why, fix }]) => [id, { why, fix }])),
  };
}

function filled(release: Release, found: Map<string, Known<Migration[]>>): Release {
  const shipped = found.get(release.id);
  return shipped?.known ? { ...release, migrations: shipped.value } : release;
}
