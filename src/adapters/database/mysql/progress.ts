import { createHash } from 'node:crypto';
import type { Down } from '../../../model/reversal.ts';
import type { Session } from './connection.ts';
import { readDefinitions } from './definitions.ts';

/** In the database itself, so that it is changed in one transaction with rows, and is in every backup. */
export const PROGRESS = 'rollback_deploy_auto_progress';

/** How far a down came. */
export interface Progress {
  /** Of its statements, without settings of the session. */
  done: number;
  /** The schema before them and after each; empty in a trial, which finds them out. */
  states: readonly string[];
}

/** What is kept of a down that was begun; undefined for none. `same`: whether it has the same statements now. */
export async function readProgress(
  session: Session,
  down: Down,
): Promise<(Progress & { same: boolean }) | undefined> {
  const there = await session.rows(
    'SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
    [PROGRESS],
  );
  if (there.length === 0) return undefined;
  const [row] = await session.rows<{ down: string; done: number; states: string }>(
    `SELECT down, done, states FROM ${PROGRESS} WHERE version = ?`,
    [down.version],
  );
  if (!row) return undefined;
  const states = row.states === '' ? [] : row.states.split(' ');
  return { done: Number(row.done), states, same: row.down === textHash(down) };
}

/** Before the first statement. */
export async function beginProgress(session: Session, down: Down, { done, states }: Progress): Promise<void> {
  await session.rows(
    `CREATE TABLE IF NOT EXISTS ${PROGRESS} (version VARCHAR(255) NOT NULL PRIMARY KEY, down CHAR(64) NOT NULL,
       done INT NOT NULL, states LONGTEXT NOT NULL) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
  );
  await session.rows(`REPLACE INTO ${PROGRESS} VALUES (?, ?, ?, ?)`, [
    down.version,
    textHash(down),
    done,
    states.join(' '),
  ]);
}

/** In the transaction of the statement, where it is in one. */
export async function writeProgress(session: Session, { version }: Down, done: number): Promise<void> {
  await session.rows(`UPDATE ${PROGRESS} SET done = ? WHERE version = ?`, [done, version]);
}

/** In the transaction that takes it out of the history. */
export async function endProgress(session: Session, { version }: Down): Promise<void> {
  await session.rows(`DELETE FROM ${PROGRESS} WHERE version = ?`, [version]);
}

/** Where no other down needs it. */
export async function dropProgress(session: Session): Promise<void> {
  const left = await session.rows(`SELECT 1 FROM ${PROGRESS} LIMIT 1`);
  if (left.length === 0) await session.rows(`DROP TABLE ${PROGRESS}`);
}

/** The schema of the session's database as one hash: another for another table, key, view, trigger or routine. */
export async function schemaState(session: Session): Promise<string> {
  const hash = createHash('sha256');
  for (const { kind, name, sql } of await readDefinitions(session))
    if (name.split('.')[0] !== PROGRESS) hash.update(`${JSON.stringify([kind, name, sql])}\n`);
  return hash.digest('hex').slice(0, 16);
}

function textHash({ statements }: Down): string {
  return createHash('sha256').update(JSON.stringify(statements)).digest('hex');
}
