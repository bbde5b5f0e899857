import type { FolderReader } from '../adapters/registry/registry.ts';
import type { Clock } from '../model/clock.ts';
import type { Facts, Known } from '../model/facts.ts';
import type { Migration, Release } from '../model/release.ts';
import type { CommandContext } from './context.ts';
import { known, withHistory } from './gather-facts.ts';

/** Longest time that reading images may take in all, ms. */
const READ_MS = 60_000;

/**
 * The facts with the migrations of the releases that were recorded without: of the target, and, newest first, of as many
 * newer ones as it takes to have the SQL of every applied migration that the target lacks. They are read from the images,
 * where a database is configured and says what is applied. What could not be read is unknown, with its reason.
 */
export async function withShippedMigrations(
  { adapters, configuration, clock, stop }: CommandContext,
  facts: Facts,
  to: Release,
): Promise<{ facts: Facts; to: Release }> {
  const { migrations: source, registry } = adapters;
  const folder = configuration.database?.migrations.path;
  if (!source || folder === undefined || !facts.database?.known || !facts.database.value.applied) {
    return { facts, to };
  }
  const read = reading(
    registry.folderReader(folder),
    folder,
    (files) => source.parse(files),
    clock,
    stop.immediate,
  );
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
    for (const release of newerThan(to, facts)) {
      if (lacking.size === 0) break;
      for (const { version } of await shippedBy(release)) lacking.delete(version);
    }
  }
  const seen = withFound(facts, found);
  const database = withHistory(facts.database, source, seen.platform);
  return { facts: { ...seen, database }, to: filled(to, found) };
}

/** Newest first. What a tag means now need not be what was deployed, so those without a digest are left out. */
function newerThan(to: Release, { platform: { releases } }: Facts): Release[] {
  const end = releases.findIndex(({ id }) => id === to.id);
  return releases.slice(0, end < 0 ? undefined : end).filter(({ image }) => image.digest !== '');
}

function reading(
  folderOf: FolderReader,
  folder: string,
  parse: (files: { path: string; content: string }[]) => Migration[],
  clock: Clock,
  signal: AbortSignal,
): (release: Release) => Promise<Known<Migration[]>> {
  const end = clock.monotonic() + READ_MS;
  return async ({ image, version }) => {
    const left = Math.max(1, end - clock.monotonic());
    const what = `Reading the migrations of ${version} from its image`;
    const files = await known(clock, what, signal, (s) => folderOf(image, s), left);
    if (!files.known) return files;
    if (files.value === undefined) {
      return {
        known: false,
        why: `The image ${image.reference} has no folder ${folder}.`,
        fix: 'Set database.migrations.path in rollback.yaml to the folder of the migrations in the image.',
      };
    }
    const { value } = files;
    return known(clock, what, signal, async () => parse(value));
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
