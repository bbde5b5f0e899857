/**
 * `npm run bench:proxy-restart`: kills the local platform's proxy with SIGKILL, again and again, and measures how long
 * nobody can connect: from the kill to the first answer. Beside it, in the same run, how long the machine takes to start
 * a Node.js that listens and answers, the least that any restart needs. The limit is 2 s.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { median } from 'simple-statistics';

const ROUNDS = 10;
const cli = resolve('dist/cli.js');
const SERVER = `require('node:http').createServer((_, r) => r.end('ok')).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));`;

const folder = await realpath(await mkdtemp(join(tmpdir(), 'rollback-bench-')));
const port = await freePort();
await mkdir(join(folder, 'app'));
await writeFile(join(folder, 'app', 'server.cjs'), SERVER);
await writeFile(
  join(folder, 'rollback.yaml'),
  `services: {bench: {platform: {kind: local, port: ${port}}, registry: {kind: oci-layout}}}\n`,
);
try {
  run('local', 'start');
  run('local', 'deploy', 'v1', '--from', 'app', '--entrypoint', 'node server.cjs');
  const away = [];
  const bare = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { proxy } = JSON.parse(run('local', 'status', '--output', 'json'));
    const killed = performance.now();
    process.kill(proxy.pid, 'SIGKILL');
    await answered(port);
    away.push(performance.now() - killed);
    bare.push(await bareStart());
  }
  const { proxy } = JSON.parse(run('local', 'status', '--output', 'json'));
  const worst = Math.max(...away);
  console.log(`node ${process.version}, ${ROUNDS} rounds, ms from SIGKILL to the first answer:`);
  console.log(
    `  proxy         median ${median(away).toFixed(0)}, max ${worst.toFixed(0)} (limit 2000: ${worst < 2_000 ? 'PASS' : 'over'})`,
  );
  console.log(`  bare Node.js  median ${median(bare).toFixed(0)}, max ${Math.max(...bare).toFixed(0)}`);
  console.log(
    `  ratio         ${(median(away) / median(bare)).toFixed(1)}; restarts counted by the platform: ${proxy.lost.restarts}`,
  );
} finally {
  run('local', 'stop');
  await rm(folder, { recursive: true });
}

/** @param {string[]} args */
function run(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${args.join(' ')} exited ${status}\n${stderr}`);
  return stdout;
}

/** How long a Node.js server takes from its start to its first answer. */
async function bareStart() {
  const own = await freePort();
  const begun = performance.now();
  const server = spawn(process.execPath, ['-e', SERVER], { env: { ...process.env, PORT: String(own) } });
  await answered(own);
  const took = performance.now() - begun;
  server.kill();
  return took;
}

/** @param {number} at @returns {Promise<void>} */
async function answered(at) {
  for (;;) {
    const ok = await new Promise((done) => {
      get({ port: at, host: '127.0.0.1', agent: false, timeout: 1_000 }, (response) => {
        response.resume();
        done(response.statusCode === 200);
      })
        .on('timeout', () => done(false))
        .on('error', () => done(false));
    });
    if (ok) return;
    await new Promise((again) => setTimeout(again, 5));
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}
