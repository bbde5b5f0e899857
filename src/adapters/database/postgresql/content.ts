import { createHash } from 'node:crypto';
import { RollbackError } from '../../../model/error.ts';
import type { Session } from './connection.ts';
import { INVENTORY } from './inventory.ts';

/** A table with rows of its own that a backup holds: a partition is one, what belongs to an extension is not. */
export interface Table {
  /** With its schema, quoted where SQL needs it: `public.orders`. */
  name: string;
  /** Without its indexes. */
  bytes: number;
  readable: boolean;
  /** Whether row security would hide rows from this role. */
  filtered: boolean;
  /** Quoted, by name, since a restored child table may have them in another order. */
  columns: string;
}

/** What a database holds, to be compared with what its copy holds. */
export interface Content {
  /** By table. */
  rows: Record<string, number>;
  /**
   * By table: the sum of a 64-bit hash of each row as text, so that the order of the rows does not matter and a row that
   * is there twice counts twice.
   */
  hashes: Record<string, string>;
  /** By kind of object: how many there are, and a SHA-256 over their definitions. */
  objects: Record<string, { count: number; sha256: string }>;
}

const LARGE_OBJECTS = 'large objects';

export async function readTables(session: Session): Promise<Table[]> {
  const rows = await session.rows<Omit<Table, 'bytes'> & { bytes: string }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_table_size(c.oid) AS bytes,
      has_table_privilege(c.oid, 'SELECT') AS readable, row_security_active(c.oid) AS filtered,
      (SELECT coalesce(string_agg(format('%I', a.attname), ', ' ORDER BY a.attname COLLATE "C"), '')
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1`);
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
}

/** @throws RollbackError `BACKUP_FAILED` naming the tables of which a backup would hold nothing or a part */
export function refuseUnreadable(tables: Table[], user: string): void {
  const failed = (detail: string, fix: string) =>
    new RollbackError({ code: 'BACKUP_FAILED', summary: 'Not all rows can be read', detail, fix });
  const unreadable = tables.filter((table) => !table.readable).map((table) => table.name);
  if (unreadable.length > 0) {
    throw failed(
      `"${user}" may not read ${some(unreadable)}.`,
      `Give it the right: GRANT SELECT ON ${some(unreadable)} TO "${user}"; or all tables: GRANT pg_read_all_data TO "${user}"`,
    );
  }
  const filtered = tables.filter((table) => table.filtered).map((table) => table.name);
  if (filtered.length > 0) {
    throw failed(
      `Row security hides rows of ${some(filtered)} from "${user}".`,
      `Let it read them all: ALTER ROLE "${user}" BYPASSRLS`,
    );
  }
}

/** Counts and hashes the rows of all tables on the server, in the session's transaction. */
export async function readRows(
  session: Session,
  tables: Table[],
  progress: (rows: number) => void = () => {},
): Promise<Pick<Content, 'rows' | 'hashes'>> {
  const rows: Content['rows'] = {};
  const hashes: Content['hashes'] = {};
  let total = 0;
  const add = async (name: string, sql: string) => {
    const [found] = (await session.rows(sql)) as [{ count: string; hash: string }];
    rows[name] = Number(found.count);
    hashes[name] = found.hash;
    total += Number(found.count);
    progress(total);
  };
  for (const { name, columns } of tables) {
    await add(name, `SELECT count(*), ${sumOf(`ROW(${columns})::text`)} AS hash FROM ONLY ${name}`);
  }
  const [large] = (await session.rows('SELECT count(*) FROM pg_largeobject_metadata')) as [{ count: string }];
  if (large.count !== '0') {
    const content = `o.oid::text || ' ' || md5(lo_get(o.oid))`;
    await add(LARGE_OBJECTS, `SELECT count(*), ${sumOf(content)} AS hash FROM pg_largeobject_metadata o`);
  }
  return { rows, hashes };
}

function sumOf(text: string): string {
  return `coalesce(sum(hashtextextended(${text} COLLATE "C", 0)::numeric), 0)::text`;
}

export async function readObjects(session: Session): Promise<Content['objects']> {
  const found = await session.rows<{ kind: string; definition: string }>(INVENTORY);
  const kinds = new Map<string, string[]>();
  for (const { kind, definition } of found) {
    const definitions = kinds.get(kind);
    if (definitions) definitions.push(definition);
    else kinds.set(kind, [definition]);
  }
  const objects: Content['objects'] = {};
  for (const [kind, definitions] of [...kinds].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sha256 = createHash('sha256').update(definitions.sort().join('\n')).digest('hex');
    objects[kind] = { count: definitions.length, sha256 };
  }
  return objects;
}

/** SHA-256 over all of it, hex. */
export function contentHash({ rows, hashes, objects }: Content): string {
  const sorted = (record: object) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  const all = [sorted(rows), sorted(hashes), sorted(objects)];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

/** The first difference in a full sentence; undefined where there is none. */
export function differenceOf(backedUp: Content, restored: Content): string | undefined {
  for (const table of new Set([...Object.keys(backedUp.rows), ...Object.keys(restored.rows)])) {
    const [before, after] = [backedUp.rows[table], restored.rows[table]];
    if (before !== after)
      return `Table ${table}: ${before ?? 'none'} rows backed up, ${after ?? 'no such table'} restored.`;
    if (backedUp.hashes[table] !== restored.hashes[table])
      return `Table ${table}: values of the restored copy differ from the database.`;
  }
  for (const kind of new Set([...Object.keys(backedUp.objects), ...Object.keys(restored.objects)])) {
    const [before, after] = [backedUp.objects[kind], restored.objects[kind]];
    if (before?.sha256 === after?.sha256) continue;
    return `The ${kind} differ: ${before?.count ?? 0} backed up, ${after?.count ?? 0} restored.`;
  }
  return undefined;
}

/** At most ten names. */
function some(names: string[]): string {
  const more = names.length - 10;
  return `${names.slice(0, 10).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
