import { checkQueries } from '../checks/queries.ts';
import type { Facts } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Release } from '../model/release.ts';
import type { CommandContext } from './context.ts';
import { known } from './gather-facts.ts';
import { queriesIn } from './old-code.ts';
import { shippedFrom } from './shipped-migrations.ts';

/** Longest time that reading and preparing them may take, each, ms. */
const LOOK_MS = 30_000;

/**
 * Has the live database read the target's own queries against its schema, where it is configured where they are: in the
 * target's image or in git. None is run. What could not be read is unknown, and stops nothing.
 */
export async function queryFindings(
  context: CommandContext,
  { database: facts }: Facts,
  to: Release,
): Promise<Finding[]> {
  const { adapters, configuration, clock, stop } = context;
  const { database } = adapters;
  const place = configuration.database;
  if (!database || !place?.queries || !facts?.known) return [];
  const { engine } = facts.value;
  const shipped = await shippedFrom({ ...place.migrations, path: place.queries }, context, 'queries');
  const from = `Reading the queries of ${to.version} from ${shipped.place(to)}`;
  const read = await known(
    clock,
    from,
    stop.immediate,
    async (signal) => {
      const files = await shipped.files(to, signal);
      return files && queriesIn(files, engine);
    },
    LOOK_MS,
  );
  if (!read.known) return checkQueries(to, read);
  if (read.value === undefined) return checkQueries(to, { known: false, ...shipped.missing(to) });
  const queries = read.value;
  const prepared = await known(
    clock,
    'Preparing the queries on the live schema',
    stop.immediate,
    (signal) =>
      database.prepare(
        queries.map(({ text }) => text),
        signal,
      ),
    LOOK_MS,
  );
  if (!prepared.known) return checkQueries(to, prepared);
  return checkQueries(to, {
    known: true,
    value: queries.map((query, i) => ({ query, outcome: prepared.value[i] ?? { fails: false } })),
  });
}
