import { readdir, readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { Database } from '../adapters/database/database.ts';
import type { MigrationFile } from '../adapters/migrations/migrations.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { FileFinding, JudgedFile } from '../model/judged-file.ts';
import { worstOf } from '../model/judged-file.ts';
import type { Engine } from '../model/migration-formats.ts';
import { engineOf } from '../schema-changes/engines.ts';
import type { Models, OldQuery } from '../schema-changes/old-queries.ts';
import { queriesOf, queriesOfModels } from '../schema-changes/old-queries.ts';

/** Where the queries that ran on a PostgreSQL are kept. */
const STATEMENTS = 'pg_stat_statements';

/**
 * Has the live database read the old code's statements against its schema, and run none: which would fail, and how. A
 * folder or file of SQL, also sqlc's; `.yaml` or `.json` with columns by table; or `pg_stat_statements`.
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
  const queries = ran ? await statementsOf(database, engine, signal) : await readQueries(cwd, path, engine);
  if (queries.length === 0)
    throw notFound(
      path,
      ran ? 'It holds no statement of this database.' : 'There is no SQL and no list of columns in it.',
    );
  const prepared = await database.prepare(
    queries.map(({ text }) => text),
    signal,
  );
  const files = new Map<string, FileFinding[]>();
  for (const [i, query] of queries.entries()) {
    const findings = files.get(query.file) ?? [];
    files.set(query.file, findings);
    const outcome = prepared[i];
    if (outcome && outcome.fails !== false)
      findings.push(findingOf(query, outcome.fails, outcome.error, ran));
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

function findingOf(query: OldQuery, fails: true | 'unknown', error: string, ran: boolean): FileFinding {
  const { line, name, text, writes } = query;
  const statement = `${name ? `${name}: ` : ''}${text.replace(/\s+/g, ' ')}`;
  const shown = statement.length > 120 ? `${statement.slice(0, 117)}...` : statement;
  const certain = fails === true;
  return {
    rule: 'old-query',
    statement: shown,
    line,
    // Who ran it is not kept: it may be of the code that runs now.
    verdict: !certain ? 'unknown' : ran ? 'conditional' : writes ? 'writes-fail' : 'reads-fail',
    ...(certain && ran ? { when: 'where the release to go back to runs it' } : {}),
    why: certain
      ? `On the live schema it fails: ${error}.`
      : `The server could not prepare it, which need not be the schema: ${error}.`,
    fix: certain
      ? 'Bring back what it names before that code comes back, or go back to a release that does not run it.'
      : 'Prepare it by hand, or leave it out.',
  };
}

async function statementsOf(database: Database, engine: Engine, signal: AbortSignal): Promise<OldQuery[]> {
  const texts = await database.statements?.(signal);
  if (!texts) throw notFound(STATEMENTS, 'The extension is not in this database.');
  const reader = await engineOf(engine);
  return texts.flatMap((text) => queriesOf(STATEMENTS, text, reader, '$'));
}

async function readQueries(cwd: string, path: string, engine: Engine): Promise<OldQuery[]> {
  const files = await Promise.all(
    (await filesOf(cwd, path)).map(async (file) => ({
      path: file,
      content: await readFile(join(cwd, file), 'utf8'),
    })),
  );
  return queriesIn(files, engine);
}

/**
 * The statements that files hold: SQL, or columns by table; what is neither is left out.
 * @throws RollbackError `QUERIES_NOT_FOUND` where a list of columns can't be read
 */
export async function queriesIn(files: readonly MigrationFile[], engine: Engine): Promise<OldQuery[]> {
  const reader = await engineOf(engine);
  const placeholder = engine === 'postgresql' ? '$' : '?';
  const quote = (name: string) =>
    engine === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
  return files.flatMap(({ path, content }) => {
    if (path.endsWith('.sql')) return queriesOf(path, content, reader, placeholder);
    return LISTS.test(path) ? queriesOfModels(path, modelsOf(path, content), quote, placeholder) : [];
  });
}

const LISTS = /\.(?:ya?ml|json)$/;

async function filesOf(cwd: string, path: string): Promise<string[]> {
  const found = await stat(join(cwd, path)).catch(() => undefined);
  if (!found) throw notFound(path, 'It is neither a file nor a folder here.');
  if (!found.isDirectory()) return [path];
  const names = await readdir(join(cwd, path), { recursive: true });
  return names
    .filter((name) => name.endsWith('.sql') || LISTS.test(name))
    .sort()
    .map((name) => posix.join(path, name));
}

/** `table: [column, ...]` for each table. */
function modelsOf(file: string, content: string): Models {
  let models: unknown;
  try {
    models = parseYaml(content);
  } catch (error) {
    throw notFound(
      file,
      `It can't be read: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}.`,
    );
  }
  const isList = (columns: unknown) =>
    Array.isArray(columns) && columns.length > 0 && columns.every((column) => typeof column === 'string');
  if (models !== null && typeof models === 'object' && Object.values(models).every(isList))
    return models as Models;
  throw notFound(
    file,
    'A list of columns has for each table the names of its columns: { orders: [id, note] }.',
  );
}

function notFound(path: string, detail: string): RollbackError {
  return new RollbackError({
    code: 'QUERIES_NOT_FOUND',
    summary: `There are no queries in ${path}`,
    detail,
    fix: 'Name a folder or file of SQL, a file with columns by table, or pg_stat_statements: --queries PATH',
    exit: EXIT.usage,
  });
}
