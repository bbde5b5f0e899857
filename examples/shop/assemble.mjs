import { cp, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/**
 * Puts the content of one release's image into a folder: the application, what it needs from node_modules (for this
 * machine's system), and its migrations under `db/migrations`. Start it there with `node server.mjs`.
 * @param {string} into Made if it is not there.
 * @param {string} release A name in releases.json.
 * @param {{version?: string, faults?: {errorRate: number, delayMs: number}}} [changes] Another version to call itself, other faults.
 */
export async function assembleShop(into, release, changes = {}) {
  const releases = JSON.parse(await readFile(join(here, 'releases.json'), 'utf8'));
  const found = releases[release];
  if (!found)
    throw new Error(`No release ${release} in releases.json; there are ${Object.keys(releases).join(', ')}.`);
  await mkdir(join(into, 'db/migrations'), { recursive: true });
  for (const file of found.migrations)
    await cp(join(here, file), join(into, 'db/migrations', basename(file)));
  for (const file of ['server.mjs', 'database.mjs']) await cp(join(here, file), join(into, file));
  const { migrations: _, ...settings } = found;
  const version = release.replace(/-destructive$/, '');
  await writeFile(
    join(into, 'release.json'),
    `${JSON.stringify({ version, ...settings, ...changes }, null, 2)}\n`,
  );
  await writeFile(join(into, 'package.json'), '{ "name": "shop", "private": true, "type": "module" }\n');
  await copyPackages(join(into, 'node_modules'));
}

/** libsql with what it loads, and ws. @param {string} into */
async function copyPackages(into) {
  const fromHere = createRequire(import.meta.url);
  const libsql = dirname(fromHere.resolve('libsql'));
  const fromLibsql = createRequire(join(libsql, 'index.js'));
  const { currentTarget } = fromLibsql('@neon-rs/load');
  const folders = {
    libsql,
    ws: dirname(fromHere.resolve('ws/package.json')),
    '@neon-rs/load': packageFolder(fromLibsql.resolve('@neon-rs/load'), '@neon-rs/load'),
    'detect-libc': packageFolder(fromLibsql.resolve('detect-libc'), 'detect-libc'),
    [`@libsql/${currentTarget()}`]: dirname(fromLibsql.resolve(`@libsql/${currentTarget()}/package.json`)),
  };
  for (const [name, folder] of Object.entries(folders)) {
    await cp(await realpath(folder), join(into, name), {
      recursive: true,
      filter: (path) => !path.slice(folder.length).includes('node_modules') && !path.endsWith('.d.ts'),
    });
  }
}

/** @param {string} file @param {string} name */
function packageFolder(file, name) {
  const marker = join('node_modules', name);
  return file.slice(0, file.lastIndexOf(marker) + marker.length);
}
