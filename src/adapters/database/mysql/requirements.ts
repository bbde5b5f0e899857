import { RollbackError } from '../../../model/error.ts';
import type { Session } from './connection.ts';

/** Without one of them on the whole database, what it is for is left out of a dump, and nothing says so. */
const RIGHTS = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'EXECUTE'];

/**
 * A user sees only what it has a right on, so a table that it may not read would just be missing.
 * @throws RollbackError `BACKUP_FAILED` naming the rights that are missing
 */
export async function requireRights(session: Session): Promise<void> {
  const grants = (await session.rows<Record<string, string>>('SHOW GRANTS')).flatMap(
    Object.values,
  ) as string[];
  const held = new Set<string>();
  for (const grant of grants) {
    const match = /^GRANT (.+?) ON (?:\*|`((?:[^`]|``)*)`)\.\* TO /.exec(grant);
    if (!match) continue;
    const pattern = match[2]?.replaceAll('``', '`');
    if (pattern !== undefined && !matches(pattern, session.database)) continue;
    const rights = (match[1] as string).split(', ');
    for (const right of RIGHTS)
      if (rights.includes(right) || rights.includes('ALL PRIVILEGES')) held.add(right);
  }
  const missing = RIGHTS.filter((right) => !held.has(right));
  if (missing.length === 0) return;
  throw new RollbackError({
    code: 'BACKUP_FAILED',
    summary: 'Not all rows can be read',
    detail: `"${session.user}" has no ${missing.join(', ')} on all of ${session.database}; what it has no right on it does not even see, so the backup would lack it.`,
    fix: `Give it the rights: GRANT ${missing.join(', ')} ON \`${session.database}\`.* TO ${account(session.user)}`,
  });
}

/** In a grant `_` and `%` stand for any character and any text, unless escaped. */
function matches(pattern: string, database: string): boolean {
  const expression = pattern.replace(/\\([_%])|([_%])|([^\w])/g, (_, escaped, wild, other) =>
    escaped ? escaped : wild ? (wild === '_' ? '.' : '.*') : `\\${other}`,
  );
  return new RegExp(`^${expression}$`, 'is').test(database);
}

function account(user: string): string {
  const at = user.lastIndexOf('@');
  return `'${user.slice(0, at)}'@'${user.slice(at + 1)}'`;
}

/**
 * @returns Bytes of the rows, and what a dump does not hold exactly, in full sentences
 * @throws RollbackError `BACKUP_FAILED` where tables are not InnoDB's: no snapshot holds them
 */
export async function refuseUnfit(session: Session): Promise<{ dataBytes: number; notes: string[] }> {
  const tables = await session.rows<{
    name: string;
    type: string;
    engine: string | null;
    bytes: string | null;
  }>(
    `SELECT TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine, DATA_LENGTH AS bytes
     FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE NOT IN ('VIEW', 'SEQUENCE')`,
  );
  const others = tables.filter(({ engine }) => engine?.toLowerCase() !== 'innodb');
  if (others.length > 0) {
    const list = some(others.map(({ name, engine }) => `${name} (${engine ?? 'unreadable'})`));
    throw new RollbackError({
      code: 'BACKUP_FAILED',
      summary: 'Not all tables can be read in one snapshot',
      detail: `Only InnoDB has snapshots. These are kept otherwise: ${list}.`,
      fix: `Change them, e.g.: ALTER TABLE \`${others[0]?.name}\` ENGINE = InnoDB; or go without a backup: --accept backup`,
    });
  }
  const notes: string[] = [];
  const floats = await session.rows<{ name: string }>(
    `SELECT CONCAT(c.TABLE_NAME, '.', c.COLUMN_NAME) AS name FROM information_schema.COLUMNS c
     JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
     WHERE c.TABLE_SCHEMA = DATABASE() AND c.DATA_TYPE = 'float' AND t.TABLE_TYPE <> 'VIEW'`,
  );
  if (floats.length > 0)
    notes.push(
      `FLOAT values are written with six digits, so a restored one may differ beyond them: ${some(floats.map((f) => f.name))}.`,
    );
  const versioned = tables.filter(({ type }) => type === 'SYSTEM VERSIONED');
  if (versioned.length > 0)
    notes.push(
      `Of system-versioned tables the present rows are held, not their history: ${some(versioned.map((t) => t.name))}.`,
    );
  return { dataBytes: tables.reduce((sum, { bytes }) => sum + Number(bytes ?? 0), 0), notes };
}

function some(names: string[]): string {
  const more = names.length - 10;
  return `${names.slice(0, 10).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
