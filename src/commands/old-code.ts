import type { Database } from '../adapters/database/database.ts';
import type { FileFinding, FileVerdict, JudgedFile } from '../model/judged-file.ts';
import { worstOf } from '../model/judged-file.ts';
import type { Engine } from '../model/migration-formats.ts';
import { engineOf } from '../schema-changes/engines.ts';
import type { OldCode } from '../schema-changes/old-models.ts';
import { type OldQuery, type Outcome, queriesOf } from '../schema-changes/old-queries.ts';
import { queriesNotFound } from '../schema-changes/queries-not-found.ts';
import { readOldCode } from './read-old-code.ts';
import { tryOldCode } from './try-old-code.ts';

/** Where the queries that ran on a PostgreSQL are kept. */
const STATEMENTS = 'pg_stat_statements';

/**
 * Has the live database read the old code's statements against its schema, and run none: which would fail, and how. A
 * folder or file of SQL, also sqlc's, of a schema of Prisma, or of columns by table; or `pg_stat_statements`.
 * @throws RollbackError `QUERIES_NOT_FOUND` (exit 2)
 */
export async function judgeQueries(
  cwd: string,
  path: string,
  database: Database,
  engine: Engine,
  signal: AbortSignal,
): Promise<JudgedFile[]> {
  const ran = path === STATEMENTS;
  const code = ran ? await statementsOf(database, engine, signal) : await readOldCode(cwd, path, engine);
  const tried = await tryOldCode(database, code, engine, signal);
  if (tried.length === 0) {
    const none = 'There is no SQL, no schema of Prisma and no list of columns in it.';
    throw queriesNotFound(path, ran ? 'It holds no statement of this database.' : none);
  }
  const files = new Map<string, FileFinding[]>();
  for (const { query, outcome } of tried) {
    const findings = files.get(query.file) ?? [];
    files.set(query.file, findings);
    if (outcome.fails !== false) findings.push(findingOf(query, outcome, ran));
  }
  return [...files].map(([file, findings]) => ({
    file,
    about: 'queries',
    engine,
    verdict: worstOf(findings),
    reversal: 'unknown',
    findings,
  }));
}

function findingOf(query: OldQuery, outcome: Exclude<Outcome, { fails: false }>, ran: boolean): FileFinding {
  const { line, name, text, writes } = query;
  const statement = `${name ? `${name}: ` : ''}${text.replace(/\s+/g, ' ')}`;
  const shown = statement.length > 120 ? `${statement.slice(0, 117)}...` : statement;
  const { error } = outcome;
  const about = { rule: 'old-query', statement: shown, line };
  if (outcome.fails === 'unknown') {
    const why = `The server could not prepare it, which need not be the schema: ${error}.`;
    return { ...about, verdict: 'unknown', why, fix: 'Prepare it by hand, or leave it out.' };
  }
  const conditions = [
    ...(outcome.fails === 'once' ? [outcome.when] : []),
    // Who ran it is not kept: it may be of the code that runs now.
    ...(ran ? ['where the release to go back to runs it'] : []),
  ];
  const verdict: FileVerdict = writes ? 'writes-fail' : 'reads-fail';
  return {
    ...about,
    verdict: conditions.length > 0 ? 'conditional' : verdict,
    ...(conditions.length > 0 && { when: conditions.join(', ') }),
    why: `On the live schema it fails: ${error}.`,
    fix: 'Bring back what it names or leaves out before that code comes back, or go back to a release that does not run it.',
  };
}

async function statementsOf(database: Database, engine: Engine, signal: AbortSignal): Promise<OldCode> {
  const texts = await database.statements?.(signal);
  if (!texts) throw queriesNotFound(STATEMENTS, 'The extension is not in this database.');
  const reader = await engineOf(engine);
  const queries = texts.flatMap((text) => queriesOf(STATEMENTS, text, reader, '$'));
  return { queries, models: [], enumerations: [] };
}
