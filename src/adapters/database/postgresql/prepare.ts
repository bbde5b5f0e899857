import { messageOf } from '../backup-folder.ts';
import type { Prepared } from '../database.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import type { PostgresqlOptions } from './options.ts';

/** Longest time of a statement that is prepared, ms. */
const PREPARE_MS = 5000;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: about names and types, not about parameters or rights. */
const OF_SCHEMA = /^(?:42P01|42703|42883|42704|3F000|42804|42P10|42809|22P02|42702|428C9|42601|42830|42712)$/;

/** Prepares and plans, in a transaction that may not write and is rolled back. */
export async function preparePostgresql(
  options: PostgresqlOptions,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Prepared[]> {
  return withSession(options, { signal, statementTimeoutMs: PREPARE_MS }, async (session, searchPath) => {
    await session.rows('BEGIN READ ONLY');
    await session.rows(`SELECT set_config('search_path', $1, true)`, [searchPath]);
    const prepared: Prepared[] = [];
    for (const text of texts) prepared.push(await prepareOne(session, text));
    await session.rows('ROLLBACK');
    return prepared;
  });
}

async function prepareOne(session: Session, text: string): Promise<Prepared> {
  const types: string[] = [];
  for (;;) {
    const error = await failureOf(session, text, types);
    if (error === undefined) return { fails: false };
    // A parameter may be of any type: by then all names were found.
    const untyped = error.code === UNTYPED ? Number(/\$(\d+)/.exec(error.message)?.[1]) : Number.NaN;
    if (!Number.isNaN(untyped) && types[untyped - 1] !== 'text') {
      for (let i = 0; i < untyped; i++) types[i] ??= 'unknown';
      types[untyped - 1] = 'text';
      continue;
    }
    // One code is for wrong syntax, and for more values than the table has columns.
    const isSyntax = /^syntax error/.test(error.message);
    return { fails: OF_SCHEMA.test(error.code) && !isSyntax ? true : 'unknown', error: error.message };
  }
}

/** Indeterminate datatype. */
const UNTYPED = '42P18';

async function failureOf(
  session: Session,
  text: string,
  types: readonly string[],
): Promise<{ code: string; message: string } | undefined> {
  await session.rows('SAVEPOINT one');
  try {
    const typed = types.length > 0 ? `(${types.join(', ')})` : '';
    await session.rows(`PREPARE rollback_deploy_auto${typed} AS ${text}`);
    const [{ n }] = (await session.rows(
      `SELECT coalesce(cardinality(parameter_types), 0) AS n FROM pg_prepared_statements WHERE name = 'rollback_deploy_auto'`,
    )) as [{ n: number }];
    const values = n > 0 ? `(${Array(n).fill('NULL').join(', ')})` : '';
    // Some errors are those of the planner: what ON CONFLICT needs, for one. It runs nothing.
    await session.rows(`EXPLAIN EXECUTE rollback_deploy_auto${values}`);
    await session.rows('DEALLOCATE rollback_deploy_auto');
    return undefined;
  } catch (error) {
    await session.rows('ROLLBACK TO SAVEPOINT one');
    await session.rows('DEALLOCATE ALL');
    const code = (error as { code?: string }).code ?? '';
    // Without a code it is the connection that is lost.
    if (code === '') throw error;
    return { code, message: messageOf(error) };
  }
}

/** Texts of statements that were run in this database, as pg_stat_statements keeps them; undefined where it is not there. */
export async function statementsOfPostgresql(
  options: PostgresqlOptions,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  return withSession(options, { signal, statementTimeoutMs: PREPARE_MS }, async (session) => {
    const [found] = await session.rows<{ name: string }>(
      `SELECT format('%I.pg_stat_statements', n.nspname) AS name
       FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`,
    );
    if (!found) return undefined;
    const rows = await session.rows<{ query: string }>(
      `SELECT DISTINCT query FROM ${found.name} WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND query <> '<insufficient privilege>' ORDER BY query`,
    );
    return rows.map(({ query }) => withCasts(query));
  });
}

/** A constant with its type before it is kept as a parameter there, which no parser reads: `interval $1`. */
function withCasts(query: string): string {
  return query.replace(
    /('(?:[^']|'')*'|"(?:[^"]|"")*")|\b(interval|date|time(?:stamp)?(?:tz|\s+with(?:out)?\s+time\s+zone)?|numeric|jsonb?|uuid|inet)\s+\$(\d+)/gi,
    (whole, kept: string | undefined, type: string, number: string) =>
      kept === undefined ? `$${number}::${type}` : whole,
  );
}
