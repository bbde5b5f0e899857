import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmod,
  cp,
  link,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildImage } from '../src/oci/build-image.ts';
import { openLayout } from '../src/oci/image-layout.ts';
import { readImageFolder } from '../src/oci/read-image-folder.ts';
import { thisPlatform } from '../src/oci/this-platform.ts';
import { unpackImage } from '../src/oci/unpack-image.ts';
import type { Scratch } from './oci-fixture.ts';
import { craftImage, digestOf, errorOf, NEVER, scratch, tarOf } from './oci-fixture.ts';

const SKOPEO = spawnSync('skopeo', ['--version']).status === 0;
if (!SKOPEO) console.warn('skopeo is not installed: whether others read our images is NOT tested.');

let at: Scratch;
let folder: string;
beforeEach(async () => {
  at = await scratch();
  folder = join(at.dir, 'content');
  await fill(folder);
});
afterEach(() => at.end());

const LONG = `${'a-long-folder-name/'.repeat(12)}file-with-ümläuts.txt`;

async function fill(into: string): Promise<void> {
  await mkdir(join(into, '@scope/empty'), { recursive: true });
  await writeFile(join(into, '@scope/server.mjs'), 'serve()');
  await writeFile(join(into, 'big'), Buffer.alloc(3_000_000, 'big'));
  await writeFile(join(into, 'run'), '#!');
  await chmod(join(into, 'run'), 0o755);
  await symlink('@scope/server.mjs', join(into, 'link'));
  await mkdir(join(into, LONG, '..'), { recursive: true });
  await writeFile(join(into, LONG), 'long');
}

function build(layers = [{ folder, prefix: 'app' }], reference = 'shop:v1') {
  return buildImage(at.layout, {
    layers,
    reference,
    entrypoint: ['node', 'server.mjs'],
    env: { PORT: '1', A: 'b' },
    workingDir: '/app',
    labels: { z: '1', a: '2' },
  });
}

const tree = async (path: string) => (await readdir(path, { recursive: true })).sort();

describe('building and unpacking', () => {
  test('gives back what was put in', async () => {
    const { digest } = await build();
    const into = join(at.dir, 'rootfs');
    const { config } = await unpackImage(at.layout, digest, into, NEVER);
    expect(config).toEqual({
      Entrypoint: ['node', 'server.mjs'],
      Env: ['A=b', 'PORT=1'],
      WorkingDir: '/app',
      Labels: { a: '2', z: '1' },
    });
    expect(await tree(join(into, 'app'))).toEqual(await tree(folder));
    for (const file of ['big', LONG, '@scope/server.mjs']) {
      const [is, was] = [await readFile(join(into, 'app', file)), await readFile(join(folder, file))];
      expect(is.equals(was), file).toBe(true);
    }
    expect(await readlink(join(into, 'app/link'))).toBe('@scope/server.mjs');
    expect((await stat(join(into, 'app/run'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(into, 'app/big'))).mtimeMs).toBe(0);
  });

  test('names, digests and diffIDs are right by other means', async () => {
    const { digest } = await build();
    expect(await at.layout.resolve('shop:v1')).toBe(digest);
    const { layers } = await at.layout.manifest(digest);
    const { os, architecture, rootfs } = await at.layout.config(digest);
    const blob = await readFile(at.layout.blobPath(layers[0]?.digest as string));
    expect(digestOf(blob)).toBe(layers[0]?.digest);
    expect(blob.length).toBe(layers[0]?.size);
    expect([digestOf(gunzipSync(blob))]).toEqual(rootfs.diff_ids);
    expect({ os, architecture }).toEqual(thisPlatform());
  });

  test('several layers, and only what is asked for', async () => {
    const { digest } = await buildImage(at.layout, {
      layers: [
        { folder, include: (path) => path === '@scope' || path === 'run' || path === '@scope/server.mjs' },
        { folder: join(folder, '@scope'), prefix: '/opt/x/' },
      ],
      reference: 'shop:v2',
      entrypoint: ['run'],
    });
    await unpackImage(at.layout, digest, join(at.dir, 'rootfs'), NEVER);
    expect(await tree(join(at.dir, 'rootfs'))).toEqual([
      '@scope',
      '@scope/server.mjs',
      'opt',
      'opt/x',
      'opt/x/empty',
      'opt/x/server.mjs',
      'run',
    ]);
  });

  test('the same content has the same digest, whatever its times, links on disk, umask and history', async () => {
    const { digest } = await build();
    const copy = join(at.dir, 'copy');
    await cp(folder, copy, { recursive: true, verbatimSymlinks: true });
    await utimes(join(copy, 'big'), 1, 2);
    await link(join(copy, 'run'), join(at.dir, 'another-name'));
    await chmod(join(copy, 'big'), 0o664);
    expect(await build([{ folder: copy, prefix: 'app' }])).toEqual({ digest });
    await writeFile(join(copy, 'run'), '#?');
    expect(await build([{ folder: copy, prefix: 'app' }])).not.toEqual({ digest });
  });

  test('two names of one file on disk are two files in the image', async () => {
    await link(join(folder, 'run'), join(folder, 'run-too'));
    const { digest } = await build();
    await unpackImage(at.layout, digest, join(at.dir, 'rootfs'), NEVER);
    const file = (name: string) => readFile(join(at.dir, 'rootfs/app', name), 'utf8');
    expect([await file('run'), await file('run-too')]).toEqual(['#!', '#!']);
  });

  test('what no image can hold is refused, and leaves nothing in the layout', async () => {
    const failed = async (detail: string) => {
      expect(await errorOf(build())).toMatchObject({
        code: 'BUILD_FAILED',
        summary: `Cannot put ${folder} into an image`,
        detail,
      });
      expect(await at.layout.references()).toEqual([]);
      expect((await readdir(at.layout.path)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    };
    const socket = createServer().listen(join(folder, 'socket'));
    await new Promise((done) => socket.once('listening', done));
    await failed('socket is neither a file, a folder nor a symbolic link.');
    await new Promise((done) => socket.close(done));
    await writeFile(join(folder, '@scope/.wh.x'), '');
    await failed('@scope/.wh.x would mean in an image that another file is deleted.');
  });
});

describe('reading a folder of an image', () => {
  const WorkingDir = '/app';
  const read = async (path: string, ...layers: Parameters<typeof craftImage>[1]) => {
    const { digest } = await craftImage(at.layout, layers, { config: { WorkingDir } });
    return readImageFolder(at.layout, digest, path);
  };

  test('whiteouts applied, folders below, links to files; from the working directory or the root', async () => {
    const layers = [
      {
        entries: [
          { path: 'app/db/2.sql', content: 'two' },
          { path: 'app/db/1.sql', content: 'one' },
          { path: 'app/db/gone.sql', content: 'gone' },
          { path: 'app/db/more/3.sql', content: 'drei ü' },
          { path: 'shared.sql', content: 'shared' },
          { path: 'app/db/4.sql', type: 'SymbolicLink', linkpath: '/shared.sql' },
          { path: 'app/db/loop', type: 'SymbolicLink', linkpath: '..' },
          { path: 'app/db/nowhere', type: 'SymbolicLink', linkpath: 'no' },
          { path: 'migrations', type: 'SymbolicLink', linkpath: 'app/db' },
        ],
      },
      { entries: [{ path: 'app/db/.wh.gone.sql' }] },
    ];
    const files = (prefix: string) => [
      { path: `${prefix}/1.sql`, content: 'one' },
      { path: `${prefix}/2.sql`, content: 'two' },
      { path: `${prefix}/4.sql`, content: 'shared' },
      { path: `${prefix}/more/3.sql`, content: 'drei ü' },
    ];
    expect(await read('db', ...layers)).toEqual(files('app/db'));
    expect(await read('/app/db/', ...layers)).toEqual(files('app/db'));
    expect(await read('/migrations', ...layers)).toEqual(files('migrations'));
    expect(await read('/db', ...layers)).toBeUndefined();
  });

  test('a file that is no text is named', async () => {
    const tar = tarOf([{ path: 'app/db/1.sql', content: 'XX' }]);
    tar[512] = 0xff;
    expect(await errorOf(read('db', { tar }))).toMatchObject({
      code: 'IMAGE_INVALID',
      summary: 'The file "app/db/1.sql" is not a valid OCI image',
      detail: 'It is not UTF-8 text.',
    });
  });
});

describe('other tools', () => {
  const skopeo = (...args: string[]) =>
    execFileSync('skopeo', ['--insecure-policy', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test.skipIf(!SKOPEO)('skopeo reads our layout', async () => {
    const { digest } = await build();
    const seen = JSON.parse(skopeo('inspect', `oci:${at.layout.path}:shop:v1`));
    expect(seen).toMatchObject({
      Digest: digest,
      Os: thisPlatform().os,
      Architecture: thisPlatform().architecture,
      Labels: { a: '2', z: '1' },
      Env: ['A=b', 'PORT=1'],
    });
  });

  test.skipIf(!SKOPEO)('we read what skopeo copies, and skopeo what we have moved', async () => {
    const { digest } = await build();
    const path = join(at.dir, 'copied');
    skopeo('copy', `oci:${at.layout.path}:shop:v1`, `oci:${path}:shop:v1`);
    const copied = await openLayout(path);
    expect(await copied.resolve('shop:v1')).toBe(digest);
    expect(await copied.verify(digest, NEVER)).toEqual([]);
    await unpackImage(copied, digest, join(at.dir, 'rootfs'), NEVER);
    expect(await tree(join(at.dir, 'rootfs/app'))).toEqual(await tree(folder));

    await copied.tag(digest, 'shop:again');
    expect(JSON.parse(skopeo('inspect', `oci:${path}:shop:again`)).Digest).toBe(digest);
    await writeFile(join(folder, 'run'), 'changed');
    const next = await build();
    skopeo('copy', `oci:${at.layout.path}:shop:v1`, `oci:${path}:shop:v1`);
    expect(await copied.resolve('shop:v1')).toBe(next.digest);
    expect(await copied.verify(digest, NEVER)).toEqual([]);
  });

  test.skipIf(!SKOPEO)('skopeo unpacks each layer to the same bytes', async () => {
    const { digest } = await build();
    skopeo('copy', '--dest-decompress', `oci:${at.layout.path}:shop:v1`, `dir:${join(at.dir, 'plain')}`);
    const { rootfs } = await at.layout.config(digest);
    const diffId = rootfs.diff_ids[0] as string;
    const plain = await readFile(join(at.dir, 'plain', diffId.slice('sha256:'.length)));
    expect(digestOf(plain)).toBe(diffId);
  });
});
