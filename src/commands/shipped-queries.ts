import { checkQueries } from '../checks/queries.ts';
import type { Facts } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Release } from '../model/release.ts';
import type { CommandContext } from './context.ts';
import { known } from './gather-facts.ts';
import { oldCodeIn } from './read-old-code.ts';
import { shippedFrom } from './shipped-migrations.ts';
import { tryOldCode } from './try-old-code.ts';

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
      return files && oldCodeIn(files, engine);
    },
    LOOK_MS,
  );
  if (!read.known) return checkQueries(to, read);
  if (read.value === undefined) return checkQueries(to, { known: false, ...shipped.missing(to) });
  const code = read.value;
  const tried = await known(
    clock,
    'Preparing the queries on the live schema',
    stop.immediate,
    (signal) => tryOldCode(database, code, engine, signal),
    LOOK_MS,
  );
  return checkQueries(to, tried);
}
