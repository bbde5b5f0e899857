import pg from 'pg';
import { HISTORY, readMigrations } from './migrations.mjs';

/** Of one instance. */
const CONNECTIONS = 5;
/** Any number that nobody else in the database takes. */
const MIGRATION_LOCK = 20_260_110;

/**
 * Connects and brings the database up to the migrations in `folder`. Several instances may do so at once: one applies
 * them, the others wait.
 * @param {string} url
 * @param {string} folder
 * @returns {Promise<import('./server.mjs').ShopDatabase>}
 */
export async function openDatabase(url, folder) {
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
  // The next request takes another connection.
  pool.on('error', (error) => console.error(`An idle connection ended: ${error.message}`));
  await migrate(pool, await readMigrations(folder));
  return {
    async prepare(text) {
      const numbered = withNumbers(text);
      await check(pool, numbered);
      return async (values) => (await pool.query(numbered, values)).rows;
    },
    close: () => pool.end(),
  };
}

/** @param {pg.Pool} pool @param {{version: string, up: string}[]} migrations */
async function migrate(pool, migrations) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query(HISTORY);
    const { rows } = await client.query('SELECT version FROM schema_migrations');
    const applied = new Set(rows.map(({ version }) => version));
    for (const { version, up } of migrations) {
      if (applied.has(version)) continue;
      await client.query(up);
      await client.query('INSERT INTO schema_migrations (version) VALUES ($1)', [version]);
    }
    await client.query('COMMIT');
  } finally {
    // Whatever was not committed goes with the connection.
    client.release(true);
  }
}

/** A statement that the schema does not fit ends the start, not the first request. @param {pg.Pool} pool @param {string} text */
async function check(pool, text) {
  const client = await pool.connect();
  try {
    await client.query(`PREPARE checked AS ${text}`);
    await client.query('DEALLOCATE checked');
    client.release();
  } catch (error) {
    client.release(true);
    throw error;
  }
}

/** @param {string} text With `?` for its values, which no text in it may hold. */
function withNumbers(text) {
  let n = 0;
  return text.replace(/\?/g, () => `$${++n}`);
}
