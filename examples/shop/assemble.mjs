import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyPackages } from './copy-packages.mjs';

const here = dirname(fileURLToPath(import.meta.url));
/** The driver of each engine. */
const DRIVERS = { sqlite: 'libsql', postgresql: 'pg' };

/**
 * Puts the content of one release's image into a folder: the application, what it needs from node_modules (for this
 * machine's system), and its migrations under `db/migrations`. Start it there with `node server.mjs`.
 * @param {string} into Made if it is not there.
 * @param {string} release A name in releases.json.
 * @param {{database?: 'sqlite' | 'postgresql', version?: string, faults?: {errorRate: number, delayMs: number}}} [changes]
 *   Another engine than SQLite, another version to call itself, other faults.
 */
export async function assembleShop(into, release, { database = 'sqlite', ...changes } = {}) {
  const releases = JSON.parse(await readFile(join(here, 'releases.json'), 'utf8'));
  const found = releases[release];
  if (!found)
    throw new Error(`No release ${release} in releases.json; there are ${Object.keys(releases).join(', ')}.`);
  await mkdir(join(into, 'db/migrations'), { recursive: true });
  for (const file of found.migrations) {
    // Where an engine has its own dialect of a migration, that one.
    const own = join(here, 'db', database, basename(file));
    await cp(existsSync(own) ? own : join(here, file), join(into, 'db/migrations', basename(file)));
  }
  for (const file of ['server.mjs', 'migrations.mjs', `${database}.mjs`])
    await cp(join(here, file), join(into, file));
  const { migrations: _, ...settings } = found;
  const version = release.replace(/-destructive$/, '');
  await writeFile(
    join(into, 'release.json'),
    `${JSON.stringify({ version, ...settings, ...changes }, null, 2)}\n`,
  );
  await writeFile(join(into, 'package.json'), '{ "name": "shop", "private": true, "type": "module" }\n');
  await copyPackages(join(into, 'node_modules'), [DRIVERS[database], 'ws']);
}
