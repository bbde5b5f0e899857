import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLayout, openLayout } from '../src/oci/image-layout.ts';
import { thisPlatform } from '../src/oci/this-platform.ts';
import type { Scratch } from './oci-fixture.ts';
import { craftImage, craftManifest, digestOf, errorOf, flipBit, NEVER, scratch } from './oci-fixture.ts';

let at: Scratch;
beforeEach(async () => {
  at = await scratch();
});
afterEach(() => at.end());

const image = (content: string, reference: string) =>
  craftImage(at.layout, [{ entries: [{ path: 'a', content }] }], { reference });

describe('opening', () => {
  const broken = (path: string, detail: string) => ({
    code: 'LAYOUT_INVALID',
    summary: `The OCI image layout in ${path} can't be read`,
    detail,
    exit: 1,
  });

  test('a folder that is none, and one that is not there', async () => {
    for (const path of [at.dir, join(at.dir, 'no')]) {
      expect(await errorOf(openLayout(path))).toEqual({
        code: 'LAYOUT_NOT_FOUND',
        summary: `There is no OCI image layout in ${path}`,
        detail: 'The folder has no file "oci-layout".',
        exit: 2,
      });
    }
  });

  test.each<[string, string, string | undefined, string]>([
    [
      'another version',
      'oci-layout',
      '{"imageLayoutVersion":"9"}',
      'Its layout version is "9"; this product reads "1.0.0".',
    ],
    ['a marker that is no object', 'oci-layout', '1', 'Its oci-layout is not a JSON object.'],
    ['no index', 'index.json', undefined, 'The folder has no file "index.json".'],
    ['an index without a list', 'index.json', '{}', 'Its index.json has no valid list of manifests.'],
    [
      'an index whose digests are no digests',
      'index.json',
      '{"manifests":[{"mediaType":"x","digest":"sha256:../../../x","size":1}]}',
      'Its index.json has no valid list of manifests.',
    ],
  ])('%s', async (_name, file, content, detail) => {
    const { path } = at.layout;
    if (content === undefined) await rm(join(path, file));
    else await writeFile(join(path, file), content);
    expect(await errorOf(openLayout(path))).toEqual(broken(path, detail));
  });

  test('an index that is no JSON, by name', async () => {
    await truncate(join(at.layout.path, 'index.json'), 10);
    const error = await errorOf(openLayout(at.layout.path));
    expect(error).toMatchObject({ code: 'LAYOUT_INVALID' });
    expect(error.detail).toMatch(/^Its index\.json is not JSON: .+\.$/);
  });

  test('making one that is there keeps what is in it', async () => {
    const { digest } = await image('1', 'shop:v1');
    expect(await (await createLayout(at.layout.path)).references()).toEqual([
      { reference: 'shop:v1', digest },
    ]);
  });
});

describe('references', () => {
  test('by full name, tag, digest, and digest after a name', async () => {
    const { digest } = await image('1', 'shop:v1');
    await image('2', 'shop:v2');
    const { resolve } = at.layout;
    expect(await resolve('shop:v1')).toBe(digest);
    expect(await resolve('v1')).toBe(digest);
    expect(await resolve(digest)).toBe(digest);
    expect(await resolve(`shop:v9@${digest}`)).toBe(digest);
    for (const none of [
      'shop:v9',
      'v9',
      'shop',
      '',
      'other:v1',
      digestOf('none'),
      `shop@${digestOf('none')}`,
    ]) {
      expect(await resolve(none), none).toBeUndefined();
    }
  });

  test('images named by their tag alone are found by name and tag too', async () => {
    const { digest } = await image('1', 'v1');
    expect(await at.layout.resolve('v1')).toBe(digest);
    expect(await at.layout.resolve('host:5000/shop:v1')).toBe(digest);
    expect(await at.layout.resolve('host:5000/shop')).toBeUndefined();
  });

  test('a tag of two names is asked about, unless both mean the same', async () => {
    const shop = await image('1', 'shop:v1');
    const cart = await image('2', 'cart:v1');
    expect(await errorOf(at.layout.resolve('v1'))).toEqual({
      code: 'REFERENCE_AMBIGUOUS',
      summary: '"v1" means 2 images',
      detail: `It may be: shop:v1 (${shop.digest}), cart:v1 (${cart.digest}).`,
      exit: 2,
    });
    await at.layout.tag(shop.digest, 'cart:v1');
    expect(await at.layout.resolve('v1')).toBe(shop.digest);
  });

  test('of entries of one name for several machines, that for this one', async () => {
    const mine = await image('1', 'a');
    const other = await image('2', 'b');
    const index = JSON.parse(await readFile(join(at.layout.path, 'index.json'), 'utf8'));
    const named = (digest: string, platform: object) => ({
      ...index.manifests.find((entry: { digest: string }) => entry.digest === digest),
      annotations: { 'org.opencontainers.image.ref.name': 'shop:v1' },
      platform,
    });
    index.manifests = [
      named(other.digest, { os: 'plan9', architecture: 'mips' }),
      named(mine.digest, thisPlatform()),
    ];
    await writeFile(join(at.layout.path, 'index.json'), JSON.stringify(index));
    expect(await at.layout.resolve('shop:v1')).toBe(mine.digest);
  });

  test('moving a tag keeps the image it meant, and leaves no file behind', async () => {
    const old = await image('1', 'shop:v1');
    const { digest } = await image('2', 'shop:v1');
    expect(await at.layout.resolve('shop:v1')).toBe(digest);
    expect(await at.layout.references()).toEqual([{ reference: 'shop:v1', digest }]);
    expect(await at.layout.verify(old.digest, NEVER)).toEqual([]);
    const index = JSON.parse(await readFile(join(at.layout.path, 'index.json'), 'utf8'));
    expect(index.manifests.map((entry: { digest: string }) => entry.digest)).toEqual([old.digest, digest]);
    expect((await readdir(at.layout.path)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  test.each(['', '-x', 'shop v1', `sha256:${'a'.repeat(64)}`, 'x'.repeat(256)])(
    '"%s" is no name',
    async (name) => {
      const { digest } = await image('1', 'shop:v1');
      expect(await errorOf(at.layout.tag(digest, name))).toEqual({
        code: 'REFERENCE_INVALID',
        summary: `"${name}" can't be the name of an image`,
        detail:
          'A name starts with a letter or digit and has letters, digits and any of . _ - : @ + / in it.',
        exit: 2,
      });
    },
  );

  test('what is not there, or no image, gets no name', async () => {
    const none = digestOf('none');
    expect(await errorOf(at.layout.tag(none, 'shop:v1'))).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      summary: `Image ${none} is not in the image store`,
      detail: `Blob ${none} is missing.`,
    });
    const odd = await craftManifest(at.layout, { schemaVersion: 2, mediaType: 'text/plain' });
    expect(await errorOf(at.layout.tag(odd, 'shop:v1'))).toMatchObject({
      code: 'IMAGE_INVALID',
      summary: `${odd} is not a valid OCI image`,
      detail: 'Its media type text/plain is not one of an image.',
    });
  });
});

describe('verifying', () => {
  test('says which blob is not whole, and how', async () => {
    const { digest, layers } = await craftImage(at.layout, [
      { entries: [{ path: 'a', content: '1'.repeat(2000) }] },
      { entries: [{ path: 'b', content: '2'.repeat(2000) }] },
      { entries: [{ path: 'c', content: '3'.repeat(2000) }] },
    ]);
    const [cut, flipped, gone] = layers as [(typeof layers)[0], (typeof layers)[0], (typeof layers)[0]];
    expect(await at.layout.verify(digest, NEVER)).toEqual([]);
    await truncate(at.layout.blobPath(cut.digest), 20);
    const actual = await flipBit(at.layout, flipped.digest);
    await rm(at.layout.blobPath(gone.digest));
    expect(await at.layout.verify(digest, NEVER)).toEqual([
      {
        digest: cut.digest,
        problem: 'damaged',
        says: `Blob ${cut.digest} is 20 bytes long, not ${cut.size}.`,
      },
      {
        digest: flipped.digest,
        problem: 'damaged',
        says: `Blob ${flipped.digest} has the content of ${actual}.`,
      },
      { digest: gone.digest, problem: 'missing', says: `Blob ${gone.digest} is missing.` },
    ]);
  });

  test('manifest and configuration too', async () => {
    const { digest } = await image('1', 'shop:v1');
    const { config } = await at.layout.manifest(digest);
    await rm(at.layout.blobPath(config.digest));
    expect(await at.layout.verify(digest, NEVER)).toEqual([
      { digest: config.digest, problem: 'missing', says: `Blob ${config.digest} is missing.` },
    ]);
    const actual = await flipBit(at.layout, digest);
    expect(await at.layout.verify(digest, NEVER)).toEqual([
      { digest, problem: 'damaged', says: `Blob ${digest} has the content of ${actual}.` },
    ]);
  });

  test('what is whole and no image is said to be none', async () => {
    const digest = await craftManifest(at.layout, { schemaVersion: 1 });
    expect(await at.layout.verify(digest, NEVER)).toEqual([
      { digest, problem: 'invalid', says: 'Its schemaVersion is not 2.' },
    ]);
    expect(await at.layout.verify('latest', NEVER)).toEqual([
      { digest: 'latest', problem: 'missing', says: 'A digest is "sha256:" and 64 hexadecimal digits.' },
    ]);
  });

  test('stops when it is aborted', async () => {
    const { digest } = await image('1', 'shop:v1');
    await expect(at.layout.verify(digest, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('a blob that can’t be finished leaves nothing behind', async () => {
  async function* broken() {
    yield Buffer.from('half');
    throw new Error('the source broke');
  }
  await expect(at.layout.addBlob('text/plain', broken())).rejects.toThrow('the source broke');
  expect((await readdir(at.layout.path)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
});
