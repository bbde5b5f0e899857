import Database from 'libsql';
import { HISTORY, readMigrations } from './migrations.mjs';

/** Longest wait for a lock, ms. */
const BUSY_MS = 5_000;

/**
 * Opens the database and brings it up to the migrations in `folder`. Several instances may do so at once: one applies
 * them, the others wait.
 * @param {string} path
 * @param {string} folder
 * @returns {Promise<import('./server.mjs').ShopDatabase>}
 */
export async function openDatabase(path, folder) {
  const database = new Database(path);
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  await useWriteAheadLog(database);
  database.exec('PRAGMA synchronous = NORMAL');
  database.exec('PRAGMA foreign_keys = ON');

  const migrations = await readMigrations(folder);
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(HISTORY);
    const rows = /** @type {{version: string}[]} */ (
      database.prepare('SELECT version FROM schema_migrations').all()
    );
    const applied = new Set(rows.map((row) => row.version));
    const insert = database.prepare('INSERT INTO schema_migrations (version) VALUES (?)');
    for (const { version, up } of migrations) {
      if (applied.has(version)) continue;
      database.exec(up);
      insert.run(version);
    }
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
  return {
    async prepare(text) {
      const statement = database.prepare(text);
      return async (values) => statement.all(values);
    },
    close: async () => void database.close(),
  };
}

/**
 * Changing the journal mode needs the database for itself and doesn't wait for it, whatever the busy timeout.
 * @param {import('libsql').Database} database
 */
async function useWriteAheadLog(database) {
  const deadline = Date.now() + BUSY_MS;
  for (;;) {
    try {
      database.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (Date.now() > deadline || !/busy|locked/i.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
