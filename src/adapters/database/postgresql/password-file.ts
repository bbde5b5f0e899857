import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';

/** What of a connection a line of the file is chosen by. */
interface Connection {
  host: string;
  port: number;
  database?: string | undefined;
  user?: string | undefined;
}

interface PgPass {
  (connection: Connection, found: (password: string | undefined) => void): void;
  warnTo(stream: Writable): unknown;
}

/**
 * The password that libpq would take where none is given: of `PGPASSWORD`, else of the file that `PGPASSFILE` names, else
 * of `~/.pgpass`.
 * @throws Error where there is none
 */
export async function passwordOfUser(connection: Connection): Promise<string> {
  if (process.env.PGPASSWORD !== undefined) return process.env.PGPASSWORD;
  // @ts-expect-error It has no declarations.
  const { default: pgpass } = (await import('pgpass')) as { default: PgPass };
  // What it warns of is said below, with what comes of it.
  pgpass.warnTo(new Writable({ write: (_chunk, _encoding, done) => done() }));
  const password = await new Promise<string | undefined>((resolve) => pgpass(connection, resolve));
  if (password === undefined) throw new Error(`No password is configured${await why()}`);
  return password;
}

/** libpq passes over a password file that others may read. */
async function why(): Promise<string> {
  const file = process.env.PGPASSFILE ?? join(homedir(), '.pgpass');
  const found = await stat(file).catch(() => undefined);
  if (!found) return `, and there is no ${file}`;
  if ((found.mode & 0o077) === 0) return `, and ${file} has none for this server, database and user`;
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  return `, and ${file} is not used: others may read it (mode ${mode}, it must be 0600)`;
}
