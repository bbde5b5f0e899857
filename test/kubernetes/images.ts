import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { lock } from 'proper-lockfile';
import { create } from 'tar';
import { type Descriptor, registryClient, sha256 } from './registry-client.ts';

export interface TestImage {
  /** `HOST/REPOSITORY:TAG`, as a pod template names it. */
  reference: string;
  digest: string;
}

export interface ImageOptions {
  /** Repository of the registry (default: `rda-test/api`). A test that moves tags takes one of its own. */
  repository?: string;
  /** What VERSION says inside (default: the tag). */
  version?: string;
  /** More variables of the image; `{ BROKEN: 'crash' }` for a version that doesn't start. */
  env?: Record<string, string>;
  labels?: Record<string, string>;
  /** With `sh` and `cat` (default: nothing but Node.js, as in images that have no shell). */
  shell?: boolean;
  /** Fills the folder of a version's application (default: the test application); `server.mjs` in it is started. */
  application?: (tag: string, folder: string) => Promise<void>;
  /** More files of a version, by path from the working directory `/app`, in a layer of their own. */
  files?: (tag: string) => Record<string, string>;
  /** Host and port (default: the environment's REGISTRY). */
  registry?: string;
}

interface Layer {
  descriptor: Descriptor;
  diffId: string;
}

const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const BASE_REPOSITORY = 'rda-test/base';
const APP = fileURLToPath(new URL('app', import.meta.url));
const WS = dirname(fileURLToPath(import.meta.resolve('ws')));

/**
 * Pushes the test application under a tag: one layer with Node.js that all versions share, one with the application.
 * The same content gives the same digest, so that pushing it again changes nothing; other content moves the tag.
 */
export async function pushImage(tag: string, options: ImageOptions = {}): Promise<TestImage> {
  // The registry rewrites a layer's link in place, and refuses a manifest whose layer's link it reads at that moment.
  // All test files push the same layers to the same repository.
  const release = await lock(tmpdir(), {
    lockfilePath: join(tmpdir(), 'rda-test-push.lock'),
    retries: { forever: true, factor: 1, minTimeout: 50, maxTimeout: 50 },
  });
  try {
    return await pushImageAlone(tag, options);
  } finally {
    await release();
  }
}

async function pushImageAlone(tag: string, options: ImageOptions): Promise<TestImage> {
  const host = options.registry ?? registryHost();
  const repository = options.repository ?? 'rda-test/api';
  const registry = registryClient(host);
  const version = options.version ?? tag;
  const layers = [
    await baseLayer(host, repository, options.shell ? 'shell' : 'node'),
    await pushLayer(host, repository, (root) =>
      options.application ? options.application(tag, join(root, 'app')) : copyApplication(root),
    ),
    ...(options.files ? [await pushLayer(host, repository, writeFiles(options.files(tag)))] : []),
  ];
  const broken = brokenBy(version);
  const env = { PATH: '/usr/local/bin:/bin', VERSION: version, ...broken, ...options.env };
  const config = Buffer.from(
    JSON.stringify({
      created: '2026-01-01T00:00:00Z',
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: {
        Entrypoint: ['/usr/local/bin/node', '/app/server.mjs'],
        ...(options.files || options.application ? { WorkingDir: '/app' } : {}),
        Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
        Labels: { 'org.opencontainers.image.version': version, ...options.labels },
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const digest = await registry.pushManifest(repository, tag, {
    config: await registry.pushBlob(repository, CONFIG, config),
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return { reference: `${host}/${repository}:${tag}`, digest };
}

export function registryHost(): string {
  const host = process.env.REGISTRY;
  if (!host) throw new Error('Set REGISTRY to host:port of an image registry that the cluster pulls from.');
  return host;
}

/** A version's own words say how it is broken: `-broken` ends at once, `-unready` and `-errors` as they say. */
function brokenBy(version: string): Record<string, string> {
  if (version.endsWith('-broken')) return { BROKEN: 'crash' };
  if (version.endsWith('-unready')) return { BROKEN: 'unready' };
  if (version.endsWith('-errors')) return { BROKEN: 'errors:0.3' };
  return {};
}

/** Compressing Node.js takes seconds, so it is done once for a registry and taken over from there. */
async function baseLayer(host: string, repository: string, kind: 'node' | 'shell'): Promise<Layer> {
  const registry = registryClient(host);
  const programs = kind === 'shell' ? ['/bin/sh', '/bin/cat'] : [];
  const node = await realpath(process.execPath);
  const files = [node, ...programs].flatMap((program) => [program, ...librariesOf(program)]);
  const tag = sha256(`2 ${process.version} ${process.arch} ${files.join(' ')}`).slice('sha256:'.length, 30);
  let kept = await registry.manifest(BASE_REPOSITORY, tag);
  if (!kept) {
    const layer = await pushLayer(host, BASE_REPOSITORY, async (root) => {
      for (const file of new Set(files))
        await copy(file, join(root, file === node ? '/usr/local/bin/node' : file));
      await mkdir(join(root, 'tmp'));
      await chmod(join(root, 'tmp'), 0o1777);
    });
    const config = Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [layer.diffId] } }));
    await registry.pushManifest(BASE_REPOSITORY, tag, {
      config: await registry.pushBlob(BASE_REPOSITORY, CONFIG, config),
      layers: [layer.descriptor],
    });
    kept = await registry.manifest(BASE_REPOSITORY, tag);
  }
  const descriptor = kept?.layers[0];
  if (!kept || !descriptor) throw new Error(`${BASE_REPOSITORY}:${tag} has no layer.`);
  const config = await registry.json<{ rootfs: { diff_ids: string[] } }>(BASE_REPOSITORY, kept.config.digest);
  await registry.mountBlob(BASE_REPOSITORY, repository, descriptor.digest);
  return { descriptor, diffId: config.rootfs.diff_ids[0] ?? '' };
}

async function pushLayer(
  host: string,
  repository: string,
  fill: (root: string) => Promise<void>,
): Promise<Layer> {
  const root = await mkdtemp(join(tmpdir(), 'rda-layer-'));
  try {
    await fill(root);
    const file = `${root}.tgz`;
    await create({ cwd: root, file, gzip: { level: 3 }, portable: true, noMtime: true, follow: false }, [
      '.',
    ]);
    const data = await readFile(file);
    await rm(file);
    const descriptor = await registryClient(host).pushBlob(repository, LAYER, data);
    return { descriptor, diffId: sha256(gunzipSync(data)) };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function writeFiles(files: Record<string, string>) {
  return async (root: string) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, 'app', path)), { recursive: true });
      await writeFile(join(root, 'app', path), content);
    }
  };
}

async function copyApplication(root: string): Promise<void> {
  await cp(APP, join(root, 'app'), { recursive: true });
  await cp(WS, join(root, 'app/node_modules/ws'), { recursive: true });
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(await realpath(from), to);
}

function librariesOf(program: string): string[] {
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  return (listed.match(/\/\S+/g) ?? []).filter((path) => !path.endsWith(':'));
}
