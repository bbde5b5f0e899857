/**
 * `npm run bench:migrations [-- FILES]`: how long `migrations FOLDER` takes over a folder of so many files (default 2,000),
 * by engine: statements a second, seconds of the whole process, peak memory. Beside it squawk, which is installed from
 * npm into a temporary folder, over the same statements of PostgreSQL; without a registry its line says why it is missing.
 * Prints; the exit code says nothing of the result.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from 'simple-statistics';
import { installSquawk, SQUAWK, squawk } from './squawk.mjs';

const FILES = Number(process.argv[2] ?? 2000);
const ROUNDS = 5;
const LIMIT = { statements: 10_000, seconds: 3 };
const cli = join(fileURLToPath(new URL('..', import.meta.url)), 'dist/cli.js');

/** @type {Record<string, {id: string, int: string, time: string, index: string}>} */
const WORDS = {
  postgresql: { id: 'bigserial PRIMARY KEY', int: 'bigint', time: 'timestamptz', index: 'CONCURRENTLY ' },
  mysql: { id: 'BIGINT AUTO_INCREMENT PRIMARY KEY', int: 'BIGINT', time: 'DATETIME(6)', index: '' },
  sqlite: { id: 'INTEGER PRIMARY KEY', int: 'INTEGER', time: 'TEXT', index: '' },
};

/**
 * A migration as a history of years has them: a table now and then, and changes of those that are there.
 * @param {number} n @param {string} engine @returns {{up: string[], down: string[]}}
 */
function migration(n, engine) {
  const { id, int, time, index } = /** @type {typeof WORDS[string]} */ (WORDS[engine]);
  const made = n - (n % 5);
  const other = Math.floor(made / 2 / 5) * 5;
  if (n === made) {
    const up = [
      `CREATE TABLE t${n} (\n  id ${id},\n  name varchar(100) NOT NULL,\n  state varchar(20) NOT NULL DEFAULT 'new',\n  amount numeric(12,2),\n  made_at ${time} NOT NULL,\n  owner ${int}\n)`,
      `CREATE INDEX t${n}_owner ON t${n} (owner)`,
      `CREATE UNIQUE INDEX t${n}_name ON t${n} (name)`,
      `INSERT INTO t${n} (name, made_at) VALUES ('first', '2026-01-01'), ('second', '2026-01-02')`,
    ];
    return { up, down: [`DROP TABLE t${n}`] };
  }
  const up = [
    `ALTER TABLE t${made} ADD COLUMN c${n} ${int}`,
    `UPDATE t${made} SET c${n} = 0 WHERE c${n} IS NULL`,
    `CREATE INDEX ${index}t${made}_c${n} ON t${made} (c${n})`,
    `ALTER TABLE t${other} ADD COLUMN d${n} varchar(40) DEFAULT 'none' NOT NULL`,
  ];
  const on = engine === 'mysql' ? ` ON t${made}` : '';
  const down = [
    `ALTER TABLE t${other} DROP COLUMN d${n}`,
    `DROP INDEX t${made}_c${n}${on}`,
    `ALTER TABLE t${made} DROP COLUMN c${n}`,
  ];
  return { up, down };
}

/** @param {string[]} statements */
const script = (statements) => statements.map((each) => `${each};\n`).join('');

/** @param {string} folder @param {string} engine @returns {Promise<number>} statements, those of downs too */
async function fill(folder, engine) {
  let count = 0;
  for (let n = 0; n < FILES; n++) {
    const { up, down } = migration(n, engine);
    count += up.length + down.length;
    const text = `-- migrate:up\n${script(up)}\n-- migrate:down\n${script(down)}`;
    await writeFile(join(folder, `${String(n).padStart(6, '0')}_change.sql`), text);
  }
  return count;
}

/** Says its peak memory when it ends. */
const SAY_MEMORY =
  'data:text/javascript,process.on("exit",()=>console.error("KiB "+process.resourceUsage().maxRSS))';

/** @param {string} folder @param {string} engine */
function ours(folder, engine) {
  const args = ['--import', SAY_MEMORY, cli, 'migrations', '.', '--engine', engine, '--format', 'dbmate'];
  const since = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, '--output', 'json'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  const seconds = (performance.now() - since) / 1000;
  if (status !== 0 && status !== 4) throw new Error(`migrations ended with ${status}: ${stderr}`);
  const judged = JSON.parse(stdout);
  if (judged.length !== FILES) throw new Error(`${judged.length} of ${FILES} files were judged`);
  return { seconds, megabytes: Number(/KiB (\d+)/.exec(stderr)?.[1]) / 1024 };
}

const folder = await mkdtemp(join(tmpdir(), 'bench-migrations-'));
try {
  console.log(`node ${process.version}, ${availableParallelism()} cores, medians of ${ROUNDS}:`);
  const peer = await installSquawk(join(folder, 'squawk'));
  for (const engine of Object.keys(WORDS)) {
    const files = join(folder, engine);
    await mkdir(files);
    const statements = await fill(files, engine);
    /** @type {{seconds: number, megabytes: number}[]} */
    const runs = [];
    /** @type {number[]} */
    const peers = [];
    for (let round = 0; round < ROUNDS; round++) {
      runs.push(ours(files, engine));
      if (engine === 'postgresql' && 'program' in peer) {
        const since = performance.now();
        squawk(peer.program, files, ['*.sql']);
        peers.push((performance.now() - since) / 1000);
      }
    }
    const seconds = median(runs.map((run) => run.seconds));
    const rate = statements / seconds;
    const good = rate >= LIMIT.statements && seconds < LIMIT.seconds;
    const megabytes = Math.max(...runs.map((run) => run.megabytes));
    const figures = `${FILES} files, ${statements} statements in ${seconds.toFixed(2)} s, whole process: ${Math.round(rate)} a second, ${Math.round(megabytes)} MB`;
    const limit = `limits ${LIMIT.statements} and ${LIMIT.seconds} s: ${good ? 'PASS' : 'over'}`;
    console.log(`  ${engine.padEnd(11)} ${figures} (${limit})`);
    if (peers.length === 0) continue;
    const theirs = median(peers);
    console.log(`  ${SQUAWK} ${theirs.toFixed(2)} s; ratio ${(seconds / theirs).toFixed(2)}`);
  }
  if ('why' in peer) console.log(`  ${SQUAWK}: not measured: ${peer.why}`);
} finally {
  await rm(folder, { recursive: true });
}
