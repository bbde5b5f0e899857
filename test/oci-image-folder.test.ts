import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ImageSource, layersOf } from '../src/oci/image-source.ts';
import { type TreeNode, treeOf } from '../src/oci/image-tree.ts';
import { listLayer } from '../src/oci/list-layer.ts';
import { readImageFolder } from '../src/oci/read-image-folder.ts';
import { unpackImage } from '../src/oci/unpack-image.ts';
import {
  type CraftedLayer,
  craftImage,
  type Entry,
  errorOf,
  NEVER,
  type Scratch,
  scratch,
} from './oci-fixture.ts';
import { type Random, seeded } from './simulation/random.ts';

let at: Scratch;
beforeEach(async () => {
  at = await scratch();
});
afterEach(() => at.end());

/** The layout, and the digest of every layer that is read of it. */
function counted(): { source: ImageSource; read: string[] } {
  const read: string[] = [];
  const blob: ImageSource['blob'] = (one, signal) => {
    read.push(one.digest);
    return at.layout.blob(one, signal);
  };
  return { source: { ...at.layout, blob }, read };
}

describe('a folder of an image, read without unpacking it', () => {
  test.each([
    [
      'a link on the way to it',
      [link('app', 'srv/app'), file('srv/app/db/1.sql', 'one')],
      '/app/db',
      'app/db',
    ],
    ['a hard link in it', [file('seed', 'one'), hard('db/1.sql', 'seed')], '/db', 'db'],
    ['a link in it', [file('seed', 'one'), link('db/1.sql', '../seed')], '/db', 'db'],
  ])('%s leads out: the one layer with the content is read again', async (_, entries, folder, shown) => {
    const { digest, layers } = await craftImage(at.layout, [
      { entries: [file('base', 'b')] },
      { entries: entries as Entry[] },
      { entries: [file('top', 't')] },
    ]);
    const { source, read } = counted();
    expect(await readImageFolder(source, digest, folder)).toEqual([
      { path: `${shown}/1.sql`, content: 'one' },
    ]);
    const [base, middle, top] = layers.map((layer) => layer.digest);
    expect(read).toEqual([base, middle, top, middle]);
  });

  test('what two images share is read once', async () => {
    const base = { entries: [file('db/1.sql', 'one')] };
    const image = (content: string) =>
      craftImage(at.layout, [base, { entries: [file('db/2.sql', content)] }], {
        reference: `shop:${content}`,
      });
    const [old, now] = [await image('old'), await image('now')];
    const { source, read } = counted();
    const known = new Map();
    for (const [{ digest }, content] of [
      [old, 'old'],
      [now, 'now'],
    ] as const) {
      const files = await readImageFolder(source, digest, '/db', NEVER, known);
      expect(files?.map((one) => one.content)).toEqual(['one', content]);
    }
    expect(read).toEqual([old.layers[0]?.digest, old.layers[1]?.digest, now.layers[1]?.digest]);
  });

  test.each([
    [
      'an opaque folder',
      [
        ['db/.wh..wh..opq', ''],
        ['db/2.sql', 'two'],
      ],
      ['2.sql'],
    ],
    [
      'an opaque mark after its own files',
      [
        ['db/2.sql', 'two'],
        ['db/.wh..wh..opq', ''],
      ],
      ['2.sql'],
    ],
    ['one file taken away', [['db/.wh.1.sql', '']], ['0.sql']],
    ['the folder taken away', [['.wh.db', '']], undefined],
    [
      'the folder taken away and made again',
      [
        ['.wh.db', ''],
        ['db/2.sql', 'two'],
      ],
      ['2.sql'],
    ],
    ['one file replaced', [['db/1.sql', 'new']], ['0.sql', '1.sql=new']],
  ])('%s', async (_, upper, names) => {
    const { digest } = await craftImage(at.layout, [
      { entries: [file('db/0.sql', '0.sql'), file('db/1.sql', '1.sql')] },
      { entries: (upper as [string, string][]).map(([path, content]) => file(path, content)) },
    ]);
    const files = await readImageFolder(at.layout, digest, '/db');
    const expected = names?.map((name) => ({
      path: `db/${name.split('=')[0]}`,
      content: name.split('=')[1] ?? (name === '2.sql' ? 'two' : name),
    }));
    expect(files).toEqual(expected);
  });

  test('devices elsewhere in the image are nobody’s business', async () => {
    const { digest } = await craftImage(at.layout, [
      { entries: [{ path: 'dev/null', type: 'CharacterDevice' }, file('db/1.sql', 'one')] },
    ]);
    expect(await readImageFolder(at.layout, digest, '/db')).toHaveLength(1);
  });

  test('more than 64 MiB in the folder are refused, and as much beside it is not kept', async () => {
    const big = file('data/big', 'x'.repeat(65 * 1024 * 1024));
    const { digest } = await craftImage(at.layout, [{ entries: [big, file('db/1.sql', 'one')] }]);
    expect(await readImageFolder(at.layout, digest, '/db')).toHaveLength(1);
    expect(await errorOf(readImageFolder(at.layout, digest, '/data'))).toMatchObject({
      code: 'IMAGE_TOO_LARGE',
      detail: 'More than 64 MiB of text are in that folder, up to data/big.',
    });
  });

  test('layers that are larger than what is unpacked are refused before they are read', async () => {
    const { digest } = await craftImage(at.layout, [{ entries: [file('a', 'a')] }]);
    const { source, read } = counted();
    const manifest = await source.manifest(digest);
    const huge = { ...manifest, layers: manifest.layers.map((one) => ({ ...one, size: 5 * 1024 ** 3 })) };
    const reading = readImageFolder({ ...source, manifest: async () => huge }, digest, '/db');
    expect(await errorOf(reading)).toMatchObject({ code: 'IMAGE_TOO_LARGE' });
    expect(read).toEqual([]);
  });
});

test('150 images of random layers: the tree is what unpacking makes on the disk, and fails where that does', async () => {
  const outcomes = { same: 0, refused: 0 };
  for (let seed = 1; seed <= 150; seed++) {
    const random = seeded(seed);
    const layers = Array.from({ length: random.between(1, 4) }, () => randomLayer(random));
    const { digest } = await craftImage(at.layout, layers, { reference: `random:${seed}` });
    const into = join(at.dir, `root-${seed}`);
    const disk = await unpackImage(at.layout, digest, into, NEVER).then(
      () => onDisk(into, ''),
      (error) => `${error.code}: ${error.detail}`,
    );
    const tree = await listed(digest).catch((error) => `${error.code}: ${error.detail}`);
    expect(tree, `seed ${seed}: ${JSON.stringify(layers)}`).toEqual(disk);
    outcomes[typeof disk === 'string' ? 'refused' : 'same']++;
  }
  // Both kinds must be met for this to say anything.
  expect(outcomes.same).toBeGreaterThan(40);
  expect(outcomes.refused).toBeGreaterThan(10);
});

function randomLayer(random: Random): CraftedLayer {
  const name = () => random.pick(['a', 'b', 'c']);
  const path = () => Array.from({ length: random.between(1, 3) }, name).join('/');
  const entries = Array.from({ length: random.between(1, 6) }, (_, i): Entry => {
    const kind = random.next();
    if (kind < 0.35) return file(path(), `${i}`);
    if (kind < 0.5) return { path: path(), type: 'Directory', mode: 0o755 };
    if (kind < 0.65) return link(path(), random.pick(['a', '/b', '../c', '/a/b', 'b/c', '..']));
    if (kind < 0.75) return hard(path(), path());
    const folder = random.chance(0.5) ? `${path()}/` : '';
    return file(`${folder}.wh.${random.chance(0.4) ? '.wh..opq' : name()}`, '');
  });
  return { entries };
}

/** A line for each path. */
async function onDisk(root: string, below: string): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(join(root, below))).sort()) {
    const path = join(below, name);
    const found = await lstat(join(root, path));
    if (found.isSymbolicLink()) lines.push(`${path} -> ${await readlink(join(root, path))}`);
    else if (found.isFile()) lines.push(`${path} = ${await readFile(join(root, path), 'utf8')}`);
    else lines.push(`${path}/`, ...(await onDisk(root, path)));
  }
  return lines;
}

async function listed(digest: string): Promise<string[]> {
  const { layers } = await layersOf(at.layout, digest);
  const allowance = { bytes: 1e9, entries: 1e6 };
  const lists = [];
  for (const layer of layers) lists.push(await listLayer(at.layout, layer, allowance, () => true, NEVER));
  const lines = (node: TreeNode, path: string): string[] => {
    if (node.type === 'symlink') return [`${path} -> ${node.target}`];
    if (node.type === 'file') return [`${path} = ${node.entry.content?.toString() ?? ''}`];
    if (node.type === 'other') return [path];
    const children = [...node.children].sort(([a], [b]) => (a < b ? -1 : 1));
    const inside = children.flatMap(([name, place]) => lines(place.node, join(path, name)));
    return path === '' ? inside : [`${path}/`, ...inside];
  };
  return lines(treeOf(lists), '');
}

function file(path: string, content: string): Entry {
  return { path, content };
}

function link(path: string, linkpath: string): Entry {
  return { path, type: 'SymbolicLink', linkpath };
}

function hard(path: string, linkpath: string): Entry {
  return { path, type: 'Link', linkpath };
}
