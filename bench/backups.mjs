/**
 * Takes and proves a backup of a big database of a real server, and prints how long that takes and how much memory the
 * process needs: `node bench/backups.mjs [postgresql|mysql] [MEGABYTES]` (default: both, 2048). Needs the Debian
 * packages postgresql and mariadb-server, and disk for about five times the size.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'tsdown';

const [only, size = '2048'] = process.argv.slice(2);
const MEGABYTES = Number(size);
/** Bytes of a row on the disk, about. */
const ROW = 250;

const cache = resolve('node_modules/.cache');
await mkdir(cache, { recursive: true });
const folder = await mkdtemp(join(cache, 'bench-backups-'));
const entry = {
  postgresql: 'src/adapters/database/postgresql.ts',
  mysql: 'src/adapters/database/mysql.ts',
  'postgresql-server': 'test/databases/postgresql.ts',
  'mysql-server': 'test/databases/mariadb.ts',
};
await build({
  config: false,
  entry,
  outDir: folder,
  format: 'esm',
  shims: true,
  dts: false,
  logLevel: 'silent',
  report: false,
});

try {
  for (const kind of only ? [only] : ['postgresql', 'mysql']) await measure(kind);
} finally {
  await rm(folder, { recursive: true });
}

/** @param {string} kind */
async function measure(kind) {
  const servers = await import(await moduleOf(`${kind}-server`));
  const server = await (servers.startPostgresql ?? servers.startMariadb)();
  const backupFolder = await mkdtemp(join(cache, 'bench-backups-'));
  try {
    console.log(`${kind}: filling ${MEGABYTES} MB`);
    await fill(kind, server);
    const { host, port, user, password } = server;
    const address = { host, port, user, password, database: 'big', tls: 'prefer' };
    const script = `
      import { ${kind}Database } from ${JSON.stringify(await moduleOf(kind))};
      const database = ${kind}Database({ label: 'big', address: async () => (${JSON.stringify(address)}), keep: 1,
        backupFolder: ${JSON.stringify(backupFolder)}, history: { table: 'm', column: 'v' } });
      const signal = new AbortController().signal;
      const { sizeBytes, backup: outlook } = await database.facts(signal);
      const backup = await database.backUp({ nowMs: 0, signal, progress() {} });
      const started = performance.now();
      await database.verify(backup, signal);
      const rows = Object.values(backup.rows).reduce((sum, n) => sum + n, 0);
      const MB = (bytes) => Math.round(bytes / 1e6) + ' MB';
      console.log(\`${kind}: \${MB(sizeBytes)}, \${rows} rows; estimated \${Math.round(outlook.estimateMs / 1000)} s; \` +
        \`taken in \${(backup.tookMs / 1000).toFixed(1)} s (\${MB(backup.bytes)}), proven in \` +
        \`\${((performance.now() - started) / 1000).toFixed(1)} s; peak memory \${MB(process.resourceUsage().maxRSS * 1024)}\`);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`${kind} exited ${code}`);
  } finally {
    await server.stop();
    await rm(backupFolder, { recursive: true, force: true });
  }
}

/** @param {string} kind @param {{ host: string; port: number; user: string; password: string }} server */
async function fill(kind, { host, port, user, password }) {
  const rows = Math.round((MEGABYTES * 1e6) / ROW);
  const text = (/** @type {string} */ n) =>
    `concat(md5(concat(${n}, 'a')), ' some words that repeat ', md5(concat(${n}, 'b')), repeat(' and more', 10))`;
  if (kind === 'postgresql') {
    const { default: pg } = await import('pg');
    const run = async (/** @type {string} */ database, /** @type {string[]} */ ...statements) => {
      const client = new pg.Client({ host, port, user, password, database });
      await client.connect();
      for (const sql of statements) await client.query(sql);
      await client.end();
    };
    await run('postgres', 'CREATE DATABASE big');
    await run(
      'big',
      'CREATE TABLE m (v text)',
      `CREATE TABLE big AS SELECT i AS id, ${text('i')} AS t, now() AS at, i * 1.5 AS n FROM generate_series(1, ${rows}) i`,
      'ALTER TABLE big ADD PRIMARY KEY (id)',
    );
  } else {
    const { default: mysql } = await import('mysql2/promise');
    const client = await mysql.createConnection({ host, port, user, password });
    await client.query('CREATE DATABASE big');
    await client.query('USE big');
    await client.query('CREATE TABLE m (v text)');
    await client.query('CREATE TABLE big (id INT PRIMARY KEY, t TEXT, at DATETIME, n DECIMAL(12, 1))');
    for (let from = 1; from <= rows; from += 500_000) {
      const to = Math.min(rows, from + 499_999);
      await client.query(
        `INSERT INTO big SELECT seq, ${text('seq')}, now(), seq * 1.5 FROM seq_${from}_to_${to}`,
      );
    }
    await client.end();
  }
}

/** @param {string} name */
async function moduleOf(name) {
  const file = (await readdir(folder)).find((one) => one === `${name}.mjs` || one === `${name}.js`);
  return pathToFileURL(join(folder, /** @type {string} */ (file))).href;
}
