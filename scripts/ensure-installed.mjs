import { spawnSync } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Installs node_modules by `npm ci` where they are missing or older than package-lock.json. Uses nothing but Node.js,
 * so that it works in a fresh clone. Says on stderr what it does; npm's own output only where it fails.
 */
export async function ensureInstalled() {
  await checkNode();
  // npm writes this file last, so it also tells an installation that was cut off.
  const [lock, installed] = await Promise.all(
    ['package-lock.json', 'node_modules/.package-lock.json'].map((path) =>
      stat(join(root, path)).catch(() => undefined),
    ),
  );
  if (lock && installed && installed.mtimeMs >= lock.mtimeMs) return;

  console.error(
    `Installing dependencies (npm ci): node_modules is ${installed ? 'older than package-lock.json' : 'missing'}.`,
  );
  const since = Date.now();
  // On Windows npm is a script that only a shell can start.
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) {
    console.error(`${npm.stdout ?? ''}${npm.stderr ?? ''}${npm.error?.message ?? ''}`);
    console.error('npm ci failed; nothing can be run without the dependencies.');
    process.exit(1);
  }
  console.error(`Installed in ${((Date.now() - since) / 1000).toFixed(0)} s.`);
}

/** Refuses an older Node.js by name; npm would only warn, and dependencies would then fail in their own words. */
async function checkNode() {
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const numbers = (/** @type {string} */ text) =>
    text
      .replace(/[^\d.]/g, '')
      .split('.')
      .map(Number);
  const [needMajor = 0, needMinor = 0] = numbers(engines.node);
  const [major = 0, minor = 0] = numbers(process.version);
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  console.error(`Node.js ${engines.node} is needed; this is ${process.version}.`);
  process.exit(1);
}
