import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** dbmate's history table, as dbmate makes it. */
export const HISTORY = 'CREATE TABLE IF NOT EXISTS "schema_migrations" (version varchar(128) primary key)';

/**
 * Migrations of a folder in dbmate's format, oldest first.
 * @param {string} folder
 * @returns {Promise<{version: string, up: string}[]>}
 */
export async function readMigrations(folder) {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (name) => ({
      version: /** @type {string} */ (name.split('_')[0]),
      up: upSection(await readFile(join(folder, name), 'utf8')),
    })),
  );
}

/** @param {string} text */
function upSection(text) {
  const up = text.split(/^-- migrate:down.*$/m)[0] ?? '';
  return up.replace(/^-- migrate:up.*$/m, '');
}
