import { lstat, readdir, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readLayer } from '../src/oci/layer-stream.ts';
import { MEDIA_TYPE } from '../src/oci/manifest.ts';
import { thisPlatform } from '../src/oci/this-platform.ts';
import { unpackImage } from '../src/oci/unpack-image.ts';
import type { CraftedLayer, Entry, Scratch } from './oci-fixture.ts';
import {
  craftImage,
  craftManifest,
  digestOf,
  errorOf,
  flipBit,
  NEVER,
  scratch,
  tarOf,
} from './oci-fixture.ts';

let at: Scratch;
let into: string;
beforeEach(async () => {
  at = await scratch();
  into = join(at.dir, 'rootfs');
});
afterEach(() => at.end());

async function unpack(...layers: (Entry[] | CraftedLayer)[]): Promise<string[]> {
  const crafted = layers.map((layer) => (Array.isArray(layer) ? { entries: layer } : layer));
  const { digest } = await craftImage(at.layout, crafted);
  await unpackImage(at.layout, digest, into, NEVER);
  return (await readdir(into, { recursive: true })).sort();
}

/** Refused, with nothing left of it, and nothing written beside it. */
async function refused(...layers: (Entry[] | CraftedLayer)[]) {
  const { exit: _, ...error } = await errorOf(unpack(...layers));
  expect((await readdir(at.dir)).sort()).toEqual(['images']);
  return error;
}

describe('what is in the image', () => {
  test('files, folders, links and modes; setuid, setgid and sticky bits are dropped', async () => {
    const paths = await unpack([
      { path: './', type: 'Directory' },
      { path: './app/', type: 'Directory', mode: 0o2555 },
      { path: './app/run', content: '#!', mode: 0o6755 },
      { path: './app/read-only', content: 'r', mode: 0o444 },
      { path: './app/same', type: 'Link', linkpath: './app/run' },
      { path: 'app/link', type: 'SymbolicLink', linkpath: '/app/run' },
      { path: 'deep/down/file', content: 'd' },
    ]);
    expect(paths).toEqual([
      'app',
      'app/link',
      'app/read-only',
      'app/run',
      'app/same',
      'deep',
      'deep/down',
      'deep/down/file',
    ]);
    const mode = async (path: string) => (await stat(join(into, path))).mode & 0o7777;
    expect([await mode('app'), await mode('app/run'), await mode('app/read-only')]).toEqual([
      0o755, 0o755, 0o444,
    ]);
    expect((await stat(join(into, 'app/same'))).ino).toBe((await stat(join(into, 'app/run'))).ino);
    expect(await readlink(join(into, 'app/link'))).toBe('/app/run');
  });

  test('a higher layer replaces what a lower one has: file by file, folder by file, link by folder', async () => {
    await unpack(
      [
        { path: 'a', content: 'old' },
        { path: 'linked', type: 'Link', linkpath: 'a' },
        { path: 'd/x', content: 'x' },
        { path: 'l', type: 'SymbolicLink', linkpath: 'd' },
      ],
      [
        { path: 'a', content: 'new' },
        { path: 'd', content: 'now a file' },
        { path: 'l/', type: 'Directory' },
      ],
    );
    const text = (path: string) => readFile(join(into, path), 'utf8');
    expect([await text('a'), await text('linked'), await text('d')]).toEqual(['new', 'old', 'now a file']);
    expect((await lstat(join(into, 'l'))).isDirectory()).toBe(true);
  });

  test('layers without entries, plain tar, and gzip in several members', async () => {
    const tar = tarOf([{ path: 'b', content: 'b'.repeat(2000) }]);
    const members = Buffer.concat([gzipSync(tar.subarray(0, 1)), gzipSync(tar.subarray(1))]);
    const paths = await unpack(
      [],
      {
        entries: [{ path: 'a' }],
        blob: tarOf([{ path: 'a' }]),
        mediaType: 'application/vnd.oci.image.layer.v1.tar',
      },
      { tar, blob: members },
    );
    expect(paths).toEqual(['a', 'b']);
  });

  test('a tar that ends with its last file, as umoci writes it', async () => {
    for (const size of [3, 600]) {
      const content = 'c'.repeat(size);
      const tar = tarOf([{ path: 'a' }, { path: 'b', content }]);
      expect(await unpack({ tar: tar.subarray(0, 512 + 512 + size) })).toEqual(['a', 'b']);
      expect(await readFile(join(into, 'b'), 'utf8')).toBe(content);
      await rm(into, { recursive: true });
    }
  });

  test('of an image for several machines, that for this one', async () => {
    const mine = await craftImage(at.layout, [{ entries: [{ path: 'mine' }] }], { reference: 'a' });
    const other = await craftImage(at.layout, [{ entries: [{ path: 'other' }] }], { reference: 'b' });
    const entry = async (digest: string, platform: object) => ({
      mediaType: MEDIA_TYPE.manifest,
      digest,
      size: (await stat(at.layout.blobPath(digest))).size,
      platform,
    });
    const manifests = [
      await entry(other.digest, { os: 'plan9', architecture: 'mips' }),
      await entry(mine.digest, thisPlatform()),
    ];
    const index = (list: object[]) =>
      craftManifest(at.layout, { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: list });
    await unpackImage(at.layout, await index(manifests), into, NEVER);
    expect(await readdir(into)).toEqual(['mine']);

    const foreign = await index(manifests.slice(0, 1));
    const { os, architecture } = thisPlatform();
    expect(await errorOf(unpackImage(at.layout, foreign, join(at.dir, 'second'), NEVER))).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      summary: `${foreign} can't be unpacked here`,
      detail: `It has no image for ${os}/${architecture}, only for: plan9/mips.`,
    });
  });
});

describe('whiteouts', () => {
  test('delete a file, a link and a folder of lower layers, and what is not there', async () => {
    const paths = await unpack(
      [
        { path: 'keep', content: 'k' },
        { path: 'file' },
        { path: 'link', type: 'SymbolicLink', linkpath: 'keep' },
        { path: 'folder/a/b' },
      ],
      [{ path: '.wh.file' }, { path: '.wh.link' }, { path: '.wh.folder' }, { path: 'no/.wh.such' }],
    );
    expect(paths).toEqual(['keep']);
  });

  test.each(['before', 'after'])('leave alone what the same layer has, %s it', async (order) => {
    const same: Entry[] = [
      { path: 'f', content: 'new' },
      { path: 'd/', type: 'Directory' },
      { path: 'd/new' },
      { path: 'implied/new' },
    ];
    const marks: Entry[] = [{ path: '.wh.f' }, { path: '.wh.d' }, { path: '.wh.implied' }];
    const paths = await unpack(
      [{ path: 'f', content: 'old' }, { path: 'd/old' }, { path: 'implied/old' }],
      order === 'before' ? [...marks, ...same] : [...same, ...marks],
    );
    expect(paths).toEqual(['d', 'd/new', 'f', 'implied', 'implied/new']);
    expect(await readFile(join(into, 'f'), 'utf8')).toBe('new');
  });

  test.each(['before', 'after'])('opaque: only what the same layer has stays, %s it', async (order) => {
    const same: Entry[] = [{ path: 'd/new' }, { path: 'd/sub/new' }];
    const mark: Entry[] = [{ path: 'd/.wh..wh..opq' }];
    const paths = await unpack(
      [{ path: 'd/old' }, { path: 'd/sub/old' }, { path: 'd/gone/old' }, { path: 'beside' }],
      order === 'before' ? [...mark, ...same] : [...same, ...mark],
    );
    expect(paths).toEqual(['beside', 'd', 'd/new', 'd/sub', 'd/sub/new']);
  });

  test('reach only into lower layers: a later layer may put the file back', async () => {
    expect(await unpack([{ path: 'f' }], [{ path: '.wh.f' }], [{ path: 'f' }])).toEqual(['f']);
  });

  test.each([
    [
      '.wh...',
      'IMAGE_UNSAFE',
      'The image\'s entry ".wh..." leads outside of the image',
      'It would delete "..".',
    ],
    [
      'd/.wh..',
      'IMAGE_UNSAFE',
      'The image\'s entry "d/.wh.." leads outside of the image',
      'It would delete ".".',
    ],
    ['.wh.', 'IMAGE_UNSAFE', 'The image\'s entry ".wh." leads outside of the image', 'It would delete "".'],
    [
      '.wh..wh.aufs',
      'IMAGE_UNSUPPORTED',
      'The image\'s entry ".wh..wh.aufs" can\'t be unpacked here',
      'It is a mark of aufs, which is not part of OCI images.',
    ],
    [
      '.wh.x/file',
      'IMAGE_INVALID',
      'The entry ".wh.x/file" is not a valid OCI image',
      'A folder\'s name starts with ".wh.".',
    ],
  ])('%s is refused', async (path, code, summary, detail) => {
    expect(await refused([{ path: 'd/x' }], [{ path }])).toEqual({ code, summary, detail });
  });
});

describe('nothing is written outside', () => {
  const unsafe = (entry: string, detail: string) => ({
    code: 'IMAGE_UNSAFE',
    summary: `The image's entry "${entry}" leads outside of the image`,
    detail,
  });
  const absolute = 'Its name is absolute; names are meant from the image root.';
  const dots = 'Its name has ".." in it.';
  const climbs = 'A symbolic link on its way climbs above the image root.';

  test.each<[string, Entry[], string, string]>([
    ['..', [{ path: '../evil' }], '../evil', dots],
    ['.. in the middle', [{ path: 'a/../../evil' }], 'a/../../evil', dots],
    ['.. as a folder', [{ path: '../', type: 'Directory' }], '../', dots],
    ['an absolute name', [{ path: '/evil' }], '/evil', absolute],
    ['.. in a whiteout', [{ path: '../.wh.images' }], '../.wh.images', dots],
    [
      'the root as a file',
      [{ path: './', type: 'SymbolicLink', linkpath: '/' }],
      './',
      'It would take the place of the image root.',
    ],
    [
      'a link up',
      [{ path: 'l', type: 'SymbolicLink', linkpath: '..' }, { path: 'l/evil' }],
      'l/evil',
      climbs,
    ],
    [
      'a link up and back',
      [
        { path: 'd/l', type: 'SymbolicLink', linkpath: '../../images' },
        { path: 'd/l/index.json', content: '{}' },
      ],
      'd/l/index.json',
      climbs,
    ],
    [
      'a whiteout through a link up',
      [{ path: 'l', type: 'SymbolicLink', linkpath: '../images' }, { path: 'l/.wh.index.json' }],
      'l/.wh.index.json',
      climbs,
    ],
    [
      'a folder that becomes a link up',
      [{ path: 'd/x' }, { path: 'd', type: 'SymbolicLink', linkpath: '../images' }, { path: 'd/index.json' }],
      'd/index.json',
      climbs,
    ],
    ['a hard link up', [{ path: 'h', type: 'Link', linkpath: '../images/index.json' }], 'h', dots],
    [
      'a hard link to an absolute name',
      [{ path: 'h', type: 'Link', linkpath: '/etc/passwd' }],
      'h',
      absolute,
    ],
    [
      'a hard link through a link up',
      [
        { path: 'l', type: 'SymbolicLink', linkpath: '../images' },
        { path: 'h', type: 'Link', linkpath: 'l/index.json' },
      ],
      'h',
      climbs,
    ],
  ])('%s is refused', async (_name, entries, entry, detail) => {
    const before = await at.layout.references();
    expect(await refused(entries)).toEqual(unsafe(entry, detail));
    expect(before).toEqual([]);
    expect((await at.layout.references()).length).toBe(1);
  });

  test('a link to an absolute name is followed inside of the image', async () => {
    const outside = join(at.dir, 'outside');
    const paths = await unpack(
      [
        { path: 'l', type: 'SymbolicLink', linkpath: outside },
        { path: `${outside.slice(1)}/`, type: 'Directory' },
      ],
      [{ path: 'l/file', content: 'x' }],
    );
    expect(paths).toContain(`${outside.slice(1)}/file`);
    expect((await readdir(at.dir)).sort()).toEqual(['images', 'rootfs']);
  });

  test('a file takes the place of a link of its name, and is not written through it', async () => {
    const victim = join(at.dir, 'victim');
    await writeFile(victim, 'untouched');
    await unpack([
      { path: 'l', type: 'SymbolicLink', linkpath: victim },
      { path: 'l', content: 'evil' },
    ]);
    expect(await readFile(victim, 'utf8')).toBe('untouched');
    expect((await lstat(join(into, 'l'))).isFile()).toBe(true);
  });

  test('a file written through a hard link to a link stays inside', async () => {
    const victim = join(at.dir, 'victim');
    await writeFile(victim, 'untouched');
    await unpack([
      { path: 'l', type: 'SymbolicLink', linkpath: victim },
      { path: 'h', type: 'Link', linkpath: 'l' },
      { path: 'h', content: 'evil', mode: 0o777 },
    ]);
    expect(await readFile(victim, 'utf8')).toBe('untouched');
  });
});

describe('entries that are refused', () => {
  test.each(['CharacterDevice', 'BlockDevice', 'FIFO'])('%s', async (type) => {
    expect(await refused([{ path: 'dev/x', type }])).toEqual({
      code: 'IMAGE_UNSUPPORTED',
      summary: 'The image\'s entry "dev/x" can\'t be unpacked here',
      detail: `It is of type ${type}; only files, folders and links are unpacked.`,
    });
  });

  test.each<[string, Entry[], string, string]>([
    [
      'links in a circle',
      [
        { path: 'a', type: 'SymbolicLink', linkpath: 'b' },
        { path: 'b', type: 'SymbolicLink', linkpath: 'a' },
        { path: 'a/x' },
      ],
      'a/x',
      'Symbolic links on its way go in a circle.',
    ],
    ['a file as a folder', [{ path: 'a' }, { path: 'a/x' }], 'a/x', 'a on its way is not a folder.'],
    [
      'a hard link to nothing',
      [{ path: 'h', type: 'Link', linkpath: 'no' }],
      'h',
      'It is a hard link to no, which is not there.',
    ],
    [
      'a hard link to a folder',
      [{ path: 'd/x' }, { path: 'h', type: 'Link', linkpath: 'd' }],
      'h',
      'It is a hard link to d, which is a folder.',
    ],
    [
      'a hard link to itself',
      [{ path: 'h' }, { path: './h', type: 'Link', linkpath: 'h' }],
      './h',
      'It is a hard link to itself.',
    ],
  ])('%s', async (_name, entries, entry, detail) => {
    expect(await refused(entries)).toEqual({
      code: 'IMAGE_INVALID',
      summary: `The entry "${entry}" is not a valid OCI image`,
      detail,
    });
  });
});

describe('content that is not what it should be', () => {
  const damaged = (detail: string) => ({
    code: 'IMAGE_DAMAGED',
    summary: 'The image in the image store is damaged',
    detail,
  });
  const unpackDigest = async (digest: string) => {
    const { exit: _, ...error } = await errorOf(unpackImage(at.layout, digest, into, NEVER));
    expect((await readdir(at.dir)).sort()).toEqual(['images']);
    return error;
  };

  test.each(['manifest', 'config', 'layer'])('one bit of the %s', async (which) => {
    const image = await craftImage(at.layout, [{ entries: [{ path: 'a', content: 'a'.repeat(5000) }] }]);
    const { config, layers } = await at.layout.manifest(image.digest);
    const digest = { manifest: image.digest, config: config.digest, layer: layers[0]?.digest }[
      which
    ] as string;
    const actual = await flipBit(at.layout, digest);
    expect(await unpackDigest(image.digest)).toEqual(damaged(`Blob ${digest} has the content of ${actual}.`));
  });

  test('one bit of a layer that is not compressed', async () => {
    const entries = [{ path: 'a', content: 'a'.repeat(5000) }];
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    const image = await craftImage(at.layout, [{ entries, blob: tarOf(entries), mediaType }]);
    const digest = image.layers[0]?.digest as string;
    const actual = await flipBit(at.layout, digest);
    expect(await unpackDigest(image.digest)).toEqual(damaged(`Blob ${digest} has the content of ${actual}.`));
  });

  test('a layer that was cut off, and one that is gone', async () => {
    const image = await craftImage(at.layout, [{ entries: [{ path: 'a', content: 'a'.repeat(5000) }] }]);
    const { digest, size } = image.layers[0] as { digest: string; size: number };
    await truncate(at.layout.blobPath(digest), size - 10);
    expect(await unpackDigest(image.digest)).toEqual(
      damaged(`Blob ${digest} is ${size - 10} bytes long, not ${size}.`),
    );
    await rm(at.layout.blobPath(digest));
    expect(await unpackDigest(image.digest)).toEqual(damaged(`Blob ${digest} is missing.`));
  });

  test('an image that is not there', async () => {
    const digest = digestOf('no such image');
    expect(await unpackDigest(digest)).toEqual({
      code: 'IMAGE_NOT_FOUND',
      summary: `Image ${digest} is not in the image store`,
      detail: `Blob ${digest} is missing.`,
    });
    expect(await unpackDigest('sha256:../../oci-layout')).toEqual({
      code: 'IMAGE_NOT_FOUND',
      summary: 'Image sha256:../../oci-layout is not in the image store',
      detail: 'A digest is "sha256:" and 64 hexadecimal digits.',
    });
  });

  const invalid = async (layer: CraftedLayer) => {
    const image = await craftImage(at.layout, [layer]);
    const digest = image.layers[0]?.digest as string;
    const error = await unpackDigest(image.digest);
    return { ...error, summary: error.summary.replace(digest, 'LAYER') };
  };
  const tar = tarOf([{ path: 'a', content: 'a' }]);

  test.each<[string, CraftedLayer, string]>([
    [
      'another diffID',
      { tar, diffId: digestOf('other') },
      `It unpacks to ${digestOf(tar)}, but the image's configuration says ${digestOf('other')}.`,
    ],
    ['no gzip', { tar, blob: tar }, 'It is not gzip: incorrect header check.'],
    ['half a gzip', { tar, blob: gzipSync(tar).subarray(0, 60) }, 'It is not gzip: unexpected end of file.'],
    [
      'gzip that says it is not',
      { tar, blob: gzipSync(tar), mediaType: 'application/vnd.oci.image.layer.v1.tar' },
      'It is compressed in another way than its media type says.',
    ],
    [
      'gzip in gzip, a byte at a time',
      { tar, blob: Buffer.concat([...gzipSync(tar)].map((byte) => gzipSync(Buffer.from([byte])))) },
      'It is compressed in another way than its media type says.',
    ],
    ['no tar', { tar: Buffer.alloc(1024, 'x') }, 'It is not a tar archive: checksum failure.'],
    ['nothing at all', { tar: Buffer.alloc(0) }, 'It is not a tar archive: It has no entries and no end.'],
    [
      'a tar that ends one byte before its last file does',
      { tar: tarOf([{ path: 'a', content: 'a'.repeat(600) }]).subarray(0, 512 + 599) },
      'It is not a tar archive: Truncated input (needed 425 more bytes, only 0 available).',
    ],
    [
      'a tar that ends within a file',
      { tar: tarOf([{ path: 'a', content: 'a'.repeat(5000) }]).subarray(0, 2048) },
      'It is not a tar archive: Truncated input (needed 3584 more bytes, only 0 available).',
    ],
  ])('%s', async (_name, layer, detail) => {
    expect(await invalid(layer)).toEqual({
      code: 'IMAGE_INVALID',
      summary: 'LAYER is not a valid OCI image',
      detail,
    });
  });

  test.each([10, 300_000])('%i bytes after the gzip stream', async (junk) => {
    expect(await invalid({ tar, blob: Buffer.concat([gzipSync(tar), Buffer.alloc(junk, 'z')]) })).toEqual({
      code: 'IMAGE_INVALID',
      summary: 'LAYER is not a valid OCI image',
      detail: 'It is not gzip: incorrect header check.',
    });
  });

  test('zstd is refused', async () => {
    expect(await invalid({ tar, mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' })).toEqual({
      code: 'IMAGE_UNSUPPORTED',
      summary: "LAYER can't be unpacked here",
      detail:
        'Layers of type application/vnd.oci.image.layer.v1.tar+zstd are not read, only tar and tar+gzip.',
    });
  });

  test('as many diffIDs as layers', async () => {
    const { digest } = await craftImage(at.layout, [{ tar }]);
    const manifest = await at.layout.manifest(digest);
    const twice = await craftManifest(at.layout, {
      ...manifest,
      layers: [...manifest.layers, ...manifest.layers],
    });
    expect(await unpackDigest(twice)).toEqual({
      code: 'IMAGE_INVALID',
      summary: `${twice} is not a valid OCI image`,
      detail: 'It has 2 layers, and its configuration has 1 diffIDs.',
    });
  });
});

describe('limits', () => {
  test('200,000 entries', async () => {
    const one = tarOf([{ path: './', type: 'Directory' }]).subarray(0, 512);
    const tar = Buffer.concat([Buffer.alloc(200_001 * 512, one), Buffer.alloc(1024)]);
    expect(await refused({ tar })).toEqual({
      code: 'IMAGE_TOO_LARGE',
      summary: 'The image is larger than this product unpacks',
      detail: 'Its layers have more than 200,000 entries.',
    });
  });

  test('the bytes that a layer unpacks to, long before they are there', async () => {
    const tar = tarOf([{ path: 'zeros', content: '\0'.repeat(20_000_000) }]);
    const { layers } = await craftImage(at.layout, [{ tar }]);
    let seen = 0;
    const reading = readLayer(
      at.layout,
      { layer: layers[0] as never, diffId: digestOf(tar) },
      { bytes: 1_000_000, entries: 10 },
      NEVER,
      async (entry) => {
        for await (const chunk of entry) seen += chunk.length;
      },
    );
    expect(await errorOf(reading)).toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      summary: 'The image is larger than this product unpacks',
      detail: 'Its layers unpack to more than 4 GiB.',
    });
    expect(seen).toBeLessThanOrEqual(1_000_000);
  });
});

describe('all or nothing', () => {
  test('an aborted unpacking leaves nothing and says why it was aborted', async () => {
    const { digest } = await craftImage(at.layout, [
      { entries: [{ path: 'a', content: 'a'.repeat(1_000_000) }] },
    ]);
    const abort = new AbortController();
    const reason = new Error('enough');
    const unpacking = unpackImage(at.layout, digest, into, abort.signal);
    abort.abort(reason);
    await expect(unpacking).rejects.toBe(reason);
    expect((await readdir(at.dir)).sort()).toEqual(['images']);
  });

  test('what a killed one left is cleared away; what a living one makes is not', async () => {
    const { digest } = await craftImage(at.layout, [{ entries: [{ path: 'a' }] }]);
    // Above Linux's highest process id, which is 4194304.
    await writeFile(`${into}.tmp-4999999-abc`, '');
    await writeFile(`${into}.tmp-${process.ppid}-abc`, '');
    await unpackImage(at.layout, digest, into, NEVER);
    expect((await readdir(at.dir)).sort()).toEqual(['images', 'rootfs', `rootfs.tmp-${process.ppid}-abc`]);
  });

  test('an empty folder is taken, another is left as it is', async () => {
    const { digest } = await craftImage(at.layout, [{ entries: [{ path: 'a' }] }]);
    await unpackImage(at.layout, digest, into, NEVER);
    expect(await errorOf(unpackImage(at.layout, digest, into, NEVER))).toMatchObject({
      code: 'UNPACK_FAILED',
      summary: `Cannot unpack image ${digest}`,
      detail: `${into} is there already, and is no empty folder.`,
    });
    await rm(join(into, 'a'));
    await unpackImage(at.layout, digest, into, NEVER);
    expect(await readdir(into)).toEqual(['a']);
  });
});
