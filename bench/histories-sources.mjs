/** Public histories of migrations: where they are, at which commit, and how their files are laid out for the product. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @typedef {'diesel' | 'authelia' | 'kratos'} Layout
 * @typedef {{name: string, address: string, commit: string, licence: string,
 *   migrations: {engine: 'postgresql' | 'mysql' | 'sqlite', path: string, layout: Layout}[]}} History
 */

/** @type {History[]} */
export const HISTORIES = [
  {
    name: 'crates.io',
    address: 'https://github.com/rust-lang/crates.io',
    commit: '57fa000662f511321daa61e6769f190ea0e80771',
    licence: 'MIT OR Apache-2.0',
    migrations: [{ engine: 'postgresql', path: 'migrations', layout: 'diesel' }],
  },
  {
    name: 'lemmy',
    address: 'https://github.com/LemmyNet/lemmy',
    commit: '439734dd638a2c06a2f907beab7dcf4646e88f86',
    licence: 'AGPL-3.0',
    migrations: [{ engine: 'postgresql', path: 'migrations', layout: 'diesel' }],
  },
  {
    name: 'authelia',
    address: 'https://github.com/authelia/authelia',
    commit: '23572030b4048922a377ca40d59e804e0ed25fd7',
    licence: 'Apache-2.0',
    migrations: [
      { engine: 'postgresql', path: 'internal/storage/migrations/postgres', layout: 'authelia' },
      { engine: 'mysql', path: 'internal/storage/migrations/mysql', layout: 'authelia' },
      { engine: 'sqlite', path: 'internal/storage/migrations/sqlite', layout: 'authelia' },
    ],
  },
  {
    name: 'vaultwarden',
    address: 'https://github.com/dani-garcia/vaultwarden',
    commit: '46d71107f5094460dd5ecbe1dbac6e6c71e5189a',
    licence: 'AGPL-3.0',
    migrations: [
      { engine: 'postgresql', path: 'migrations/postgresql', layout: 'diesel' },
      { engine: 'mysql', path: 'migrations/mysql', layout: 'diesel' },
      { engine: 'sqlite', path: 'migrations/sqlite', layout: 'diesel' },
    ],
  },
  {
    name: 'kratos',
    address: 'https://github.com/ory/kratos',
    commit: 'b86338da04a040247a07f46100a86dcfb3875909',
    licence: 'Apache-2.0',
    migrations: [
      { engine: 'postgresql', path: 'persistence/sql/migrations/sql', layout: 'kratos' },
      { engine: 'mysql', path: 'persistence/sql/migrations/sql', layout: 'kratos' },
      { engine: 'sqlite', path: 'persistence/sql/migrations/sql', layout: 'kratos' },
    ],
  },
];

/** What engines are called in Kratos's files. @type {Record<string, RegExp>} */
const OWN = { postgresql: /^postgres$/, mysql: /^mysql$/, sqlite: /^sqlite3?$/ };

/**
 * Writes the migrations of a commit into a folder, named as the product reads them.
 * @param {string} repository @param {string} commit @param {string} path @param {Layout} layout
 * @param {string} into Its name ends in the engine's.
 * @returns {{file: string, text: string}[]} all of them, downs too
 */
export function layOut(repository, commit, path, layout, into) {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const paths = git('ls-tree', '-r', '--name-only', '-z', commit, `${path}/`)
    .split('\0')
    .filter((one) => one.endsWith('.sql'));
  const names = NAMES[layout](
    paths.map((one) => one.slice(path.length + 1)),
    /** @type {RegExp} */ (OWN[into.slice(into.lastIndexOf('-') + 1)]),
  );
  return [...names].map(([file, from]) => {
    const text = git('show', `${commit}:${path}/${from}`);
    mkdirSync(dirname(join(into, file)), { recursive: true });
    writeFileSync(join(into, file), text);
    return { file, text };
  });
}

/** By layout: the name that each file gets, and its own. @type {Record<Layout, (names: string[], own: RegExp) => Map<string, string>>} */
const NAMES = {
  diesel: (names) => new Map(names.map((name) => [name, name])),
  authelia: (names) => new Map(names.map((name) => [name.replace(/^V(\d+)\./, '$1_'), name])),
  // One for all engines, but where an engine has its own. Versions are longer than golang-migrate reads them.
  kratos(names, own) {
    const chosen = new Map();
    for (const name of names) {
      const [, version = '', words, engine, way] =
        /^20(\d+)_([^.]*)\.(?:(cockroach|mysql|postgres|sqlite3?)\.)?(?:autocommit\.)?(up|down)\.sql$/.exec(
          name,
        ) ?? [];
      if (version === '' || (engine !== undefined && !own.test(engine))) continue;
      const file = `${version}_${words}.${way}.sql`;
      if (engine !== undefined || !chosen.has(file)) chosen.set(file, name);
    }
    return chosen;
  },
};
