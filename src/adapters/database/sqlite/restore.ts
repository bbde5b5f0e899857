import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { statementSplitter } from '../../../schema-changes/split-statements.ts';
import { openForWriting } from './connection.ts';

/**
 * Runs a dump into a new database file, `durable` or fast. Leftovers of an earlier database of that name (`-wal`,
 * `-shm`, `-journal`) are deleted first: SQLite would play them into the new one.
 */
export async function runDump(
  dump: string,
  into: string,
  options: { durable: boolean; signal: AbortSignal },
): Promise<void> {
  await removeSideFiles(into);
  const db = await openForWriting(into);
  try {
    if (!options.durable) db.exec('PRAGMA synchronous=OFF');
    const splitter = statementSplitter();
    const input = createReadStream(dump, {
      encoding: 'utf8',
      highWaterMark: 256 * 1024,
      signal: options.signal,
    });
    for await (const piece of input) {
      runAll(
        splitter.push(piece as string).map((statement) => statement.text),
        (sql) => db.exec(sql),
      );
      await nextTurn();
    }
    const rest = splitter.rest();
    if (rest) throw new Error(`the dump ends within a statement: ${rest.text.slice(0, 80)}`);
    if (db.inTransaction) throw new Error('the dump ends within its transaction');
    // Statements that libsql has not collected yet keep the connection open; nothing may be left in a -wal.
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

export async function removeSideFiles(path: string): Promise<void> {
  for (const suffix of ['-wal', '-shm', '-journal']) await rm(`${path}${suffix}`, { force: true });
}

/** With its semicolon, which must not end up in a comment. SQLite keeps what stands before it, spaces included. */
export function ended(statement: string): string {
  const lastLine = statement.slice(statement.lastIndexOf('\n') + 1);
  return `${statement}${lastLine.includes('--') ? '\n' : ''};`;
}

function runAll(statements: string[], run: (sql: string) => void): void {
  if (statements.length > 0) run(statements.map(ended).join('\n'));
}
