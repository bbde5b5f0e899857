/**
 * `npm run demo`: installs and builds what is missing, deploys a small shop three times in a temporary folder, the last
 * time with a fault, and rolls it back under load as a user would. The load generator, a process of its own, counts.
 * Exits 0 only where no request failed. Leaves nothing running and no folder, also after Ctrl-C or a failure.
 *
 *   --strategy NAME   rolling (default), blue-green, instant, canary
 *   --database NAME   sqlite (default), postgresql: on a server of the demo's own, or on that of DEMO_DATABASE_URL
 *   --destructive     v2.14.4 drops a column that v2.14.3 writes: the rollback must refuse and serve on; taking the
 *                     migration back, it must succeed
 *   --no-build        take dist/ as it is
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { demoPostgresql } from './demo-postgresql.mjs';
import { ensureInstalled, root } from './ensure-installed.mjs';

const RATE = 200;
const REFUSED = 4;
/** How long a command may take to end once it was asked to, ms. */
const END_MS = 20_000;

const { values: options } = parseArgs({
  options: {
    strategy: { type: 'string', default: 'rolling' },
    database: { type: 'string', default: 'sqlite' },
    destructive: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
  },
});
const engine = options.database === 'postgresql' ? 'postgresql' : 'sqlite';
if (options.database !== engine) {
  console.error(`--database is sqlite or postgresql, not ${options.database}.`);
  process.exit(2);
}
/** Why the demo ends early; undefined while it goes on. @type {Error | undefined} */
let interrupted;
/** @type {(why: Error) => void} */
let interrupt = () => {};
/** @type {Promise<never>} */
const interruption = new Promise((_, reject) => {
  interrupt = reject;
});
interruption.catch(() => {});
/** @type {import('node:child_process').ChildProcess | undefined} The command that runs now. */
let running;
/** @type {ReturnType<typeof import('../examples/load/load.mjs').startLoad> | undefined} */
let load;
let folder = '';
/** @type {Awaited<ReturnType<typeof demoPostgresql>> | undefined} */
let postgresql;

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    if (interrupted) return;
    console.error(`\n${signal}: ending what this demo started.`);
    interrupted = new Error(`The demo was interrupted by ${signal}.`);
    interrupt(interrupted);
  });
}

let failure = '';
const startedAt = Date.now();
try {
  await ensureInstalled();
  if (!options['no-build']) build();
  const readyAt = Date.now();
  await demo();
  say(`Took ${((Date.now() - readyAt) / 1000).toFixed(0)} s after installation and build.`);
} catch (error) {
  failure = error instanceof Error ? error.message : String(error);
}
const left = await cleanUp();
if (left !== '') failure = failure === '' ? left : `${failure}\n${left}`;
if (failure !== '')
  console.error(`\nThe demo failed after ${((Date.now() - startedAt) / 1000).toFixed(0)} s: ${failure}`);
process.exit(interrupted ? 130 : failure === '' ? 0 : 1);

async function demo() {
  // Only now are the dependencies there that these need.
  const { startLoad, sayLoad } = await import('../examples/load/load.mjs');
  const { assembleShop } = await import('../examples/shop/assemble.mjs');
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rollback-demo-')));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  if (engine === 'postgresql') {
    postgresql = await demoPostgresql(process.env.DEMO_DATABASE_URL);
    process.env.DATABASE_URL = postgresql.url;
  }
  await writeFile(join(folder, 'rollback.yaml'), configuration(port));

  const database = postgresql ? `PostgreSQL (${postgresql.where})` : 'SQLite';
  say(`A shop on this machine: HTTP, ${database}, three instances behind a proxy.`);
  await command(['local', 'start']);
  for (const version of ['v2.14.2', 'v2.14.3']) {
    await assembleShop(join(folder, version), version, { database: engine });
    await command(['local', 'deploy', version, '--from', version, '--entrypoint', 'node server.mjs']);
  }
  say(`v2.14.3 serves ${RATE} requests a second for a while, so that there is evidence of how it does.`);
  load = startLoad({ url, rate: RATE });
  await Promise.race([load.started, interruption]);
  await seconds(6);
  const before = await load.stop();
  load = undefined;
  say(sayLoad(before, 'v2.14.3'));
  if (before.failed > 0) throw new Error(`v2.14.3 alone failed requests: ${before.failures.join('; ')}`);

  const bad = options.destructive ? 'v2.14.4-destructive' : 'v2.14.4';
  await assembleShop(join(folder, 'v2.14.4'), bad, { database: engine });
  // A canary is one instance of the new release beside the old one's; going back takes it out.
  const canary = options.strategy === 'canary' ? ['--canary', '1'] : [];
  await command([
    'local',
    'deploy',
    'v2.14.4',
    '--from',
    'v2.14.4',
    '--entrypoint',
    'node server.mjs',
    ...canary,
  ]);
  load = startLoad({ url, rate: RATE });
  await Promise.race([load.started, interruption]);
  await seconds(5);
  const faulty = (await load.snapshot()).versions['v2.14.4'];
  if (!faulty) throw new Error('v2.14.4 answered nothing.');
  say(
    `v2.14.4 is out, and it is bad: ${faulty.injectedFaults} of ${faulty.answered} answers are errors, ` +
      `p95 ${faulty.p95Ms.toFixed(0)} ms (v2.14.3: ${before.versions['v2.14.3']?.p95Ms.toFixed(0)} ms). Back, with the load still on:`,
  );

  const reason = 'checkout answers 5 % errors since v2.14.4';
  const back = ['--version', 'v2.14.3', '--strategy', options.strategy, '--reason', reason];
  if (options.destructive) {
    await command(back, REFUSED, true);
    if ((await load.snapshot()).versions['v2.14.3'])
      throw new Error('The rollback was refused, and yet v2.14.3 answered.');
    say('Refused, and v2.14.4 serves on. Its migration can be taken back while it serves, so both together:');
    back.push('--reverse-migrations');
  }
  await command(back, 0, true);
  await seconds(2);
  const report = await load.stop();
  load = undefined;

  say(`The load generator, a process of its own, counted:\n${sayLoad(report, 'v2.14.3')}`);
  const to = report.versions['v2.14.3'];
  const from = report.versions['v2.14.4'];
  if (to && from && canary.length === 0) {
    const apart = Math.max(0, from.lastMs - to.firstMs) / 1000;
    say(`The traffic moved within ${apart.toFixed(1)} s, from v2.14.3's first answer to v2.14.4's last.`);
  }
  if (report.failed > 0) throw new Error(`${report.failed} requests failed:\n${report.failures.join('\n')}`);
  if (report.sent !== report.answered)
    throw new Error(`${report.sent - report.answered} requests had no answer.`);
  if (!to) throw new Error('v2.14.3 answered nothing after the rollback.');
}

/** @param {number} port */
function configuration(port) {
  const file = join(folder, 'shop.db');
  const [database, shop] = postgresql
    ? [
        'kind: postgresql\n      url: { env: DATABASE_URL }',
        'secrets:\n        DATABASE_URL: { env: DATABASE_URL }',
      ]
    : [`kind: sqlite\n      path: ${file}`, `environment:\n        DATABASE_PATH: ${file}`];
  return `services:
  shop:
    platform:
      kind: local
      instances: 3
      port: ${port}
    registry:
      kind: oci-layout
      path: images
    database:
      ${database}
      migrations:
        path: db/migrations
    configuration:
      ${shop}
    validation:
      # A shop that answers in 250 ms is fast enough, however fast it once was on an idle machine.
      latencyFloor: 250
    monitor:
      duration: 0
`;
}

/**
 * Runs the product as a user does, in the demo's folder, its output shown as it comes. Setup commands are shown without
 * their progress.
 * @param {string[]} args
 * @param {number} [expected] Exit code.
 * @param {boolean} [progress]
 */
async function command(args, expected = 0, progress = false) {
  if (interrupted) throw interrupted;
  console.log(
    `\n$ rollback-deploy-auto ${args.map((arg) => (/^[\w./:=-]+$/.test(arg) ? arg : `"${arg}"`)).join(' ')}`,
  );
  const child = spawn(process.execPath, [join(root, 'dist/cli.js'), ...args], {
    cwd: folder,
    stdio: ['ignore', 'inherit', progress ? 'inherit' : 'pipe'],
  });
  running = child;
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  /** @type {Promise<number | string | null>} */
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    // Not `close`: what a command leaves running may hold its output open.
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const code = await Promise.race([ended, interruption]);
  running = undefined;
  if (code !== expected)
    throw new Error(`rollback-deploy-auto ${args.join(' ')} ended with ${code}, not ${expected}. ${errors}`);
}

/** Ends what the demo started, and nothing else. @returns {Promise<string>} What was left over though it should not be. */
async function cleanUp() {
  if (running) await end(running);
  // Its count is of no use any more.
  if (load)
    await Promise.race([load.stop().catch(() => {}), new Promise((resolve) => setTimeout(resolve, END_MS))]);
  if (folder === '') return '';
  const problems = [];
  if (existsSync(join(folder, '.rollback')) && existsSync(join(root, 'dist/cli.js'))) {
    const stop = spawnSync(process.execPath, [join(root, 'dist/cli.js'), 'local', 'stop'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (stop.status !== 0)
      problems.push(`"local stop" ended with ${stop.status ?? stop.signal}: ${stop.stderr}`);
  }
  await postgresql?.stop().catch((error) => problems.push(`The database is left: ${error.message}`));
  const leftovers = await processesOf(folder);
  for (const { pid, command } of leftovers) {
    problems.push(`Process ${pid} was left running and is ended now: ${command}`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone meanwhile.
    }
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  if (problems.length === 0 && failure === '') say('Nothing is left running; the folder is removed.');
  return problems.join('\n');
}

/** @param {import('node:child_process').ChildProcess} child */
async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await gone;
  clearTimeout(hard);
}

/**
 * Processes that work in the demo's folder or have it in their command line: only this demo's, as its name is unique.
 * @param {string} place
 */
async function processesOf(place) {
  /** @type {{pid: number, command: string}[]} */
  const found = [];
  if (process.platform !== 'linux') {
    const { stdout } = spawnSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8' });
    for (const line of stdout.split('\n')) {
      if (line.includes(place)) found.push({ pid: Number.parseInt(line, 10), command: line.trim() });
    }
    return found.filter(({ pid }) => pid !== process.pid);
  }
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    if (command !== '' && (`${cwd}/`.startsWith(`${place}/`) || command.includes(place)))
      found.push({ pid, command });
  }
  return found;
}

function build() {
  const since = Date.now();
  const tsdown = spawnSync(process.execPath, [join(root, 'node_modules/tsdown/dist/run.mjs')], {
    cwd: root,
    encoding: 'utf8',
  });
  if (tsdown.status !== 0) throw new Error(`The build failed:\n${tsdown.stdout}${tsdown.stderr}`);
  console.error(`Built dist/ in ${((Date.now() - since) / 1000).toFixed(1)} s.`);
}

/** @returns {Promise<number>} */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}

/** Lets time pass for the load to count in. @param {number} s */
async function seconds(s) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const passed = new Promise((resolve) => {
    timer = setTimeout(resolve, s * 1000);
  });
  await Promise.race([passed, interruption]);
  clearTimeout(timer);
}

/** @param {string} text */
function say(text) {
  console.log(`\n${text}`);
}
