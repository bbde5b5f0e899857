import { existsSync } from 'node:fs';
import { cp, readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * Copies installed packages and what they depend on, each once.
 * @param {string} into A `node_modules`.
 * @param {string[]} names
 */
export async function copyPackages(into, names) {
  /** @type {Map<string, string>} */
  const folders = new Map();
  for (const name of names) await collect(name, import.meta.filename, folders);
  for (const [name, folder] of folders) {
    await cp(folder, join(into, name), {
      recursive: true,
      filter: (path) => !path.slice(folder.length).includes('node_modules') && !path.endsWith('.d.ts'),
    });
  }
}

/** @param {string} name @param {string} from @param {Map<string, string>} folders */
async function collect(name, from, folders) {
  if (folders.has(name)) return;
  const places = createRequire(from).resolve.paths(name) ?? [];
  const found = places
    .map((place) => join(place, name))
    .find((place) => existsSync(join(place, 'package.json')));
  if (!found) throw new Error(`The package ${name} is not installed.`);
  const folder = await realpath(found);
  folders.set(name, folder);
  const manifest = join(folder, 'package.json');
  const { dependencies = {} } = JSON.parse(await readFile(manifest, 'utf8'));
  for (const dependency of Object.keys(dependencies)) await collect(dependency, manifest, folders);
  // Its native part is an optional dependency for each system.
  if (name === 'libsql') {
    const { currentTarget } = createRequire(manifest)('@neon-rs/load');
    await collect(`@libsql/${currentTarget()}`, manifest, folders);
  }
}
