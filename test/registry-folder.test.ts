import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { distributionRegistry } from '../src/adapters/registry/distribution.ts';
import { MEDIA_TYPE } from '../src/oci/manifest.ts';
import { thisPlatform } from '../src/oci/this-platform.ts';
import { type CraftedLayer, NEVER, tarOf } from './oci-fixture.ts';
import { pushLayers, pushManifest, registryFront } from './registry-front.ts';

const REGISTRY = process.env.REGISTRY ?? '';

describe.skipIf(REGISTRY === '')('a folder of an image in the real registry in $REGISTRY', () => {
  test('from all its layers, whiteouts applied, from the working directory', async () => {
    const { push, read } = await setUp();
    const digest = await push(
      [
        layer({ 'app/db/1.sql': 'one', 'app/db/2.sql': 'two', 'usr/lib/x': 'x' }),
        layer({ 'app/db/.wh.2.sql': '', 'app/db/3.sql': 'three' }),
      ],
      'v1',
      { WorkingDir: '/app' },
    );
    const files = [
      { path: 'app/db/1.sql', content: 'one' },
      { path: 'app/db/3.sql', content: 'three' },
    ];
    expect(await read('db', digest)).toEqual(files);
    expect(await read('/app/db', digest)).toEqual(files);
    expect(await read('/db', digest)).toBeUndefined();
    expect(await read('db', '')).toEqual(files);
  });

  test('of an index the image for Linux and this kind of processor, else any for Linux', async () => {
    const { repository, push, read } = await setUp();
    const images = await Promise.all(
      ['windows', 'other', 'own'].map((content) => push([layer({ 'db/1.sql': content })], content)),
    );
    const [windows, other, own] = images as [string, string, string];
    const child = async (digest: string, os: string, architecture: string) => ({
      mediaType: MEDIA_TYPE.manifest,
      digest,
      size: (await (await fetch(`http://${REGISTRY}/v2/${repository}/manifests/${digest}`, accepting)).text())
        .length,
      platform: { os, architecture },
    });
    const { architecture } = thisPlatform();
    const index = (...manifests: object[]) =>
      pushManifest(REGISTRY, repository, 'index', {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.index,
        manifests,
      } as never);
    const [a, b, c] = [
      await child(windows, 'windows', architecture),
      await child(other, 'linux', 'riscv64'),
      await child(own, 'linux', architecture),
    ];
    expect(await read('/db', await index(a, b, c))).toMatchObject([{ content: 'own' }]);
    expect(await read('/db', await index(a, b))).toMatchObject([{ content: 'other' }]);
    await expect(read('/db', await index(a))).rejects.toMatchObject({
      code: 'IMAGE_FOLDER_UNREADABLE',
      detail: 'It has no image for Linux.',
    });
  });

  test('nothing is asked before an image is, and what two images share is fetched once', async () => {
    const { front, reader, push, image } = await setUp();
    const base = layer({ 'db/1.sql': 'one' });
    const old = await push([base, layer({ 'db/2.sql': 'old' })], 'v1');
    const now = await push([base, layer({ 'db/2.sql': 'now' })], 'v2');
    const read = reader('/db');
    expect(front.seen).toEqual([]);
    expect(await read(image('v1', old), NEVER)).toMatchObject([{}, { content: 'old' }]);
    expect(await read(image('v2', now), NEVER)).toMatchObject([{}, { content: 'now' }]);
    const blobs = front.seen.map(({ url }) => url).filter((url) => url.includes('/blobs/'));
    // Two configurations, the layer that they share, and two of their own.
    expect(blobs).toHaveLength(5);
    expect(new Set(blobs).size).toBe(5);
  });

  test('a layer that is cut off on its way is no answer, however much of it came', async () => {
    const { front, read, push, last } = await setUp();
    const entries = [
      { path: 'db/1.sql', content: 'one' },
      { path: 'big', content: randomBytes(300_000).toString('hex') },
    ];
    const blob = gzipSync(tarOf(entries), { level: 1 });
    const digest = await push([{ blob, entries }]);
    const cut = (response: ServerResponse, bytes: number) => {
      response.writeHead(200, { 'content-length': blob.length });
      response.write(blob.subarray(0, bytes), () => setTimeout(() => response.destroy(), 50));
    };
    for (const bytes of [1, blob.length >> 1, blob.length - 1]) {
      front.instead = ({ url }, response) => {
        if (!url?.endsWith(last().layers[0] as string)) return false;
        cut(response, bytes);
        return true;
      };
      await expect(read('/db', digest)).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        retriable: true,
        detail: expect.stringMatching(`was cut off after \\d+ of ${blob.length} bytes`),
      });
    }
    front.instead = () => false;
    expect(await read('/db', digest)).toMatchObject([{ content: 'one' }]);
  });

  test('a blob that goes on longer than its size is left', async () => {
    const { front, read, push, last } = await setUp();
    const digest = await push([layer({ 'db/1.sql': 'one' })]);
    const name = last().layers[0] as string;
    front.damaged.set(name, (body) => Buffer.concat([body, Buffer.alloc(1000)]));
    await expect(read('/db', digest)).rejects.toMatchObject({
      code: 'IMAGE_FOLDER_UNREADABLE',
      detail: expect.stringMatching(`^Blob ${name} is longer than \\d+ bytes\\.$`),
    });
  });

  test.each([
    [
      'zstd',
      { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' },
      'Layers of type application/vnd.oci.image.layer.v1.tar+zstd are not read, only tar and tar+gzip.',
    ],
    [
      'another diffID',
      { diffId: `sha256:${'0'.repeat(64)}` },
      "but the image's configuration says sha256:0000",
    ],
    ['no gzip', { blob: Buffer.from('no gzip at all') }, 'It is not gzip: '],
    ['no tar', { tar: Buffer.alloc(4096, 'no tar') }, 'It is not a tar archive: '],
    ['a name above the root', { entries: [{ path: '../db/1.sql' }] }, 'Its name has ".." in it.'],
  ])('%s: unknown, with the reason', async (_, crafted: CraftedLayer, says) => {
    const { read, push } = await setUp();
    const digest = await push([{ entries: [{ path: 'db/1.sql' }], ...crafted }]);
    await expect(read('/db', digest)).rejects.toMatchObject({
      code: 'IMAGE_FOLDER_UNREADABLE',
      detail: expect.stringContaining(says),
      fix: expect.stringContaining('by hand'),
    });
  });

  test('a layer in a store behind the registry is fetched there', async () => {
    const { front, read, push } = await setUp();
    const store = await registryFront(REGISTRY);
    onTestFinished(() => store.close());
    const digest = await push([layer({ 'db/1.sql': 'one' })]);
    front.instead = ({ url }, response) => {
      if (!url?.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${store.host}${url}` }).end();
      return true;
    };
    expect(await read('/db', digest)).toMatchObject([{ content: 'one' }]);
    expect(store.seen).toHaveLength(2);
  });

  test('a registry that stalls in the middle is left when it is aborted', async () => {
    const { front, reader, image, push, last } = await setUp();
    const digest = await push([layer({ 'db/1.sql': 'one' })]);
    const stalled = new Promise<ServerResponse>((resolve) => {
      front.instead = ({ url }, response) => {
        if (!url?.endsWith(last().layers[0] as string)) return false;
        response.writeHead(200, { 'content-length': 100 });
        response.write('x', () => resolve(response));
        return true;
      };
    });
    const abort = new AbortController();
    const reason = new Error('too late');
    const reading = reader('/db')(image('v1', digest), abort.signal);
    const closed = once(await stalled, 'close');
    abort.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await closed;
  });

  test('a tag that is gone, where no digest is known, is an error', async () => {
    const { read } = await setUp();
    await expect(read('/db', '')).rejects.toMatchObject({ code: 'IMAGE_FOLDER_UNREADABLE' });
  });
});

const accepting = { headers: { accept: MEDIA_TYPE.manifest } };

function layer(files: Record<string, string>): CraftedLayer {
  return { entries: Object.entries(files).map(([path, content]) => ({ path, content })) };
}

/** A repository of its own behind a front that shows and changes what passes. */
async function setUp() {
  const front = await registryFront(REGISTRY);
  onTestFinished(() => front.close());
  const repository = `rollback-test/${randomBytes(4).toString('hex')}`;
  const registry = distributionRegistry({ plainHttp: [], credentials: async () => undefined });
  const image = (tag: string, digest: string) => ({
    reference: `${front.host}/${repository}:${tag}`,
    digest,
  });
  let pushed: Awaited<ReturnType<typeof pushLayers>>;
  return {
    front,
    repository,
    image,
    reader: registry.folderReader,
    last: () => pushed,
    read: (folder: string, digest: string) => registry.folderReader(folder)(image('v1', digest), NEVER),
    async push(layers: CraftedLayer[], tag = 'v1', config = {}) {
      pushed = await pushLayers(REGISTRY, repository, tag, layers, config);
      return pushed.digest;
    },
  };
}
