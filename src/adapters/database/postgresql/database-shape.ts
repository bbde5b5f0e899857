import type { Session } from './connection.ts';

/** What CREATE DATABASE is told, and the settings of the database, which pg_dump leaves to pg_dumpall. */
export interface DatabaseShape {
  encoding: string;
  collate: string;
  ctype: string;
  /** `c` libc, `i` ICU, `b` builtin */
  provider: string;
  /** Of ICU or builtin. */
  locale: string | null;
  /** `name=value`, of ALTER DATABASE SET. */
  settings: string[];
}

export async function readShape(session: Session): Promise<DatabaseShape> {
  const locale = session.major >= 17 ? 'datlocale' : session.major >= 15 ? 'daticulocale' : 'NULL';
  const provider = session.major >= 15 ? 'datlocprovider' : `'c'`;
  const [shape] = await session.rows<DatabaseShape>(`
    SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,
      ${provider} AS provider, ${locale} AS locale,
      coalesce((SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid AND setrole = 0), '{}') AS settings
    FROM pg_database d WHERE datname = current_database()`);
  return shape as DatabaseShape;
}

/** SQL that makes an empty database like it. */
export function createDatabase(
  name: string,
  { encoding, collate, ctype, provider, locale }: DatabaseShape,
): string {
  const words = [`CREATE DATABASE ${quoteName(name)} TEMPLATE template0 ENCODING ${quoteText(encoding)}`];
  words.push(`LC_COLLATE ${quoteText(collate)} LC_CTYPE ${quoteText(ctype)}`);
  if (provider === 'i' && locale) words.push(`LOCALE_PROVIDER icu ICU_LOCALE ${quoteText(locale)}`);
  if (provider === 'b' && locale) words.push(`LOCALE_PROVIDER builtin BUILTIN_LOCALE ${quoteText(locale)}`);
  return words.join(' ');
}

/** SQL that gives the database its settings, one statement each. */
export function alterSettings(name: string, settings: string[]): string[] {
  return settings.map((setting) => {
    const at = setting.indexOf('=');
    const [key, value] = [setting.slice(0, at), setting.slice(at + 1)];
    const words = ['search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries'];
    // Those are lists, kept as they are written; anything else is one text.
    const written = words.includes(key.toLowerCase()) ? value : quoteText(value);
    return `ALTER DATABASE ${quoteName(name)} SET ${quoteName(key).replaceAll('.', '"."')} TO ${written || `''`}`;
  });
}

/** Last value by sequence; null where it has none yet. It is read as it is now, whatever the transaction sees else. */
export async function readSequences(session: Session): Promise<Record<string, string | null>> {
  const rows = await session.rows<{ name: string; value: string | null }>(`
    SELECT format('%I.%I', schemaname, sequencename) AS name, last_value::text AS value
    FROM pg_sequences WHERE schemaname !~ '^pg_' AND NOT cycle ORDER BY 1`);
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

/** The first sequence whose restored value is not between what it was before and after the dump, in a sentence. */
export function sequenceDifference(
  backedUp: Record<string, [string | null, string | null]>,
  restored: Record<string, string | null>,
): string | undefined {
  for (const [name, [before, after]] of Object.entries(backedUp)) {
    if (!(name in restored)) return `There is no sequence ${name} in the restored copy.`;
    const value = restored[name] ?? null;
    if (value === before || value === after) continue;
    const bounds = [before, after].flatMap((bound) => (bound === null ? [] : [BigInt(bound)]));
    const between =
      value !== null &&
      (before === null || bounds.some((b) => b <= BigInt(value))) &&
      bounds.some((b) => b >= BigInt(value));
    if (!between) return `Sequence ${name}: restored at ${value}, backed up at ${before ?? 'its start'}.`;
  }
  return undefined;
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Standard strings, as the server reads them where nobody turned that off. */
function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
