import { EXIT, RollbackError } from '../model/error.ts';

/** `QUERIES_NOT_FOUND`: nothing tells what the old code reads and writes. */
export function queriesNotFound(path: string, detail: string): RollbackError {
  return new RollbackError({
    code: 'QUERIES_NOT_FOUND',
    summary: `There are no queries in ${path}`,
    detail,
    fix: 'Name a folder or file of SQL, a schema of Prisma, a file with columns by table, or pg_stat_statements: --queries PATH',
    exit: EXIT.usage,
  });
}
