import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLoad } from '../examples/load/load.mjs';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const root = new URL('..', import.meta.url).pathname;
/** Larger than this, something came along that should not have. */
const MOST_BYTES = 3_000_000;
let folder: string;
let files: string[];
let packedBytes: number;
let bin: (name: string) => string;
let version: string;

/** Packs the built product and installs it as a user would: by npm, into a folder that knows nothing of this one. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollback-package-'));
  // Not its scripts: other tests use dist/ right now.
  const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
  });
  const [description] = JSON.parse(packed.stdout);
  files = description.files.map((file: { path: string }) => file.path);
  packedBytes = description.size;
  version = description.version;
  const project = join(folder, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  const tarball = join(folder, description.filename);
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball], { cwd: project });
  bin = (name) => join(project, 'node_modules/.bin', name);
}, 180_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('the package holds what is needed, and no sources, tests or scripts', () => {
  for (const needed of [
    'dist/cli.js',
    'dist/local-supervisor.js',
    'dist/local-proxy.js',
    'dist/THIRD-PARTY-NOTICES.txt',
    'schema/rollback.schema.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
  ]) {
    expect(files).toContain(needed);
  }
  const allowed =
    /^(dist\/[^/]+\.(js|txt)|schema\/|examples\/|docs\/|README\.md|LICENSE|CHANGELOG\.md|package\.json)/;
  expect(files.filter((file) => !allowed.test(file))).toEqual([]);
});

test('the package is small', () => {
  console.log(`The packed package has ${packedBytes} bytes in ${files.length} files.`);
  expect(packedBytes).toBeLessThan(MOST_BYTES);
});

test('it brings only what is native or WebAssembly; all else is bundled', async () => {
  const installed = JSON.parse(
    await readFile(join(folder, 'project/node_modules/rollback-deploy-auto/package.json'), 'utf8'),
  );
  const brought = Object.keys(installed.dependencies).sort();
  expect(brought).toEqual(['@guanmingchiu/sqlparser-ts', 'libpg-query', 'libsql']);
});

test.each(['rollback-deploy-auto', 'rda'])(
  '%s --help and -V answer from the installed package',
  async (name) => {
    const help = await run(bin(name), ['--help']);
    expect(help.stdout).toContain('--version <TAG>');
    expect((await run(bin(name), ['-V'])).stdout.trim()).toBe(version);
  },
);

test('init writes a configuration that the installed package reads', async () => {
  const place = join(folder, 'service');
  await mkdir(place);
  await run(bin('rollback-deploy-auto'), ['init'], { cwd: place });
  expect(await readdir(place)).toContain('rollback.yaml');
  // No supervisor was started: the configuration is fine, and what is missing is named with the command that starts it.
  const status = await run(bin('rollback-deploy-auto'), ['check'], { cwd: place }).catch((error) => error);
  expect(status.code).toBe(2);
  expect(status.stderr).toContain('local start');
});

test('the installed package starts a platform, deploys twice and rolls back under load', async () => {
  const place = join(folder, 'shop');
  const port = await freePort();
  await mkdir(place);
  await writeFile(join(place, 'rollback.yaml'), configuration(port));
  const rollback = (...args: string[]) =>
    run(bin('rollback-deploy-auto'), args, { cwd: place, timeout: 60_000 });
  const deploy = async (version: string) => {
    await mkdir(join(place, version));
    await writeFile(join(place, version, 'server.mjs'), server(version));
    await rollback('local', 'deploy', version, '--from', version, '--entrypoint', 'node server.mjs');
  };
  await rollback('local', 'start');
  try {
    await deploy('v1');
    await startLoad({ url: `http://127.0.0.1:${port}`, rate: 100, seconds: 2, healthPath: '/' }).ended;
    await deploy('v2');
    const load = startLoad({ url: `http://127.0.0.1:${port}`, rate: 50, seconds: 120, healthPath: '/' });
    await load.started;
    const { stdout } = await rollback('--version', 'v1', '--strategy', 'rolling', '--reason', 'a test');
    const report = await load.stop();
    expect(stdout).toContain('Rollback to v1 completed in');
    expect(report.failures).toEqual([]);
    expect(report.failed).toBe(0);
    expect(report.versions.v1?.answered).toBeGreaterThan(0);
  } finally {
    await rollback('local', 'stop');
  }
}, 120_000);

test('every bundled package has its licence in the notices', async () => {
  const notices = await readFile(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
  for (const name of ['commander', 'yaml', 'zod']) expect(notices).toMatch(new RegExp(`^${name} \\d`, 'm'));
  expect(notices).toContain('Permission is hereby granted');
  expect((await stat(join(folder, 'project/node_modules/rollback-deploy-auto/LICENSE'))).isFile()).toBe(true);
});

function configuration(port: number): string {
  return `services:
  shop:
    platform: { kind: local, instances: 2, port: ${port} }
    registry: { kind: oci-layout, path: images }
    validation: { minRequests: 20, minSeconds: 1, latencyFloor: 10000 }
    monitor: { duration: 0 }
`;
}

function server(version: string): string {
  return `import { createServer } from 'node:http';
const server = createServer((_, response) => response.writeHead(200, { 'x-version': '${version}' }).end('fine'));
server.listen(process.env.PORT, '127.0.0.1');
process.once('SIGTERM', () => server.close(() => process.exit(0)));
`;
}
