import { createHash, type Hash } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pack as PackStream } from 'tar';
import { RollbackError } from '../model/error.ts';
import type { ImageLayout } from './image-layout.ts';
import type { Descriptor, ImageConfiguration, ImageManifest } from './manifest.ts';
import { MEDIA_TYPE } from './manifest.ts';
import { checkReference } from './reference.ts';
import { thisPlatform } from './this-platform.ts';
import { WHITEOUT } from './whiteout.ts';

/** One layer: the content of a folder. */
export interface LayerSource {
  folder: string;
  /** Folder in the image that the content goes to, e.g. `app`. Default the image's root. */
  prefix?: string;
  /** Which files and folders to take, by path in `folder`, `/`-separated. Default all. */
  include?: (path: string) => boolean;
}

export interface ImageSource {
  /** Lowest first. */
  layers: LayerSource[];
  /** The name it gets, e.g. `shop:v2.14.3`; a name that is there already is moved. */
  reference: string;
  entrypoint: string[];
  /** Default none. */
  env?: Record<string, string>;
  /** Default `/`. */
  workingDir?: string;
  /** Default none. */
  labels?: Record<string, string>;
}

/**
 * Puts folders into the layout as an image for this machine and names it. Times, owners and order are left out of it:
 * the same content built by the same Node.js gives the same digest.
 * @throws RollbackError `BUILD_FAILED`, `REFERENCE_INVALID`
 */
export async function buildImage(layout: ImageLayout, source: ImageSource): Promise<{ digest: string }> {
  checkReference(source.reference);
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const layer of source.layers) {
    const hash = createHash('sha256');
    layers.push(await addLayer(layout, layer, hash));
    diffIds.push(`sha256:${hash.digest('hex')}`);
  }
  const { env = {}, labels = {} } = source;
  const configuration: ImageConfiguration = {
    ...thisPlatform(),
    config: {
      Entrypoint: source.entrypoint,
      Env: sorted(env).map(([name, value]) => `${name}=${value}`),
      WorkingDir: source.workingDir ?? '/',
      Labels: Object.fromEntries(sorted(labels)),
    },
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: await addJson(layout, MEDIA_TYPE.config, configuration),
    layers,
  };
  const { digest } = await addJson(layout, MEDIA_TYPE.manifest, manifest);
  await layout.tag(digest, source.reference);
  return { digest };
}

async function addLayer(layout: ImageLayout, layer: LayerSource, diffId: Hash): Promise<Descriptor> {
  try {
    const gzip = createGzip({ level: 6 });
    let added: Descriptor | undefined;
    await pipeline(Readable.from(tarOf(layer, diffId)), gzip, async (compressed) => {
      added = await layout.addBlob(MEDIA_TYPE.gzipLayer, withoutSystem(compressed));
    });
    return added as unknown as Descriptor;
  } catch (error) {
    if (error instanceof RollbackError) throw error;
    throw buildFailed(layer.folder, `${(error as Error).message}.`, error);
  }
}

/** The uncompressed layer, hashed as it passes. */
async function* tarOf(layer: LayerSource, diffId: Hash): AsyncGenerator<Buffer> {
  const { Pack } = await import('tar');
  const paths = await pathsBelow(layer.folder, '', layer.include ?? (() => true));
  const pack: PackStream = new Pack({
    cwd: layer.folder,
    prefix: layer.prefix?.replace(/^\/+|\/+$/g, '') ?? '',
    portable: true,
    mtime: new Date(0),
    noDirRecurse: true,
    // Whether two files are one on this disk must not show in the image.
    linkCache: new NoLinks(),
    onwarn: (_code, message): unknown => pack.emit('error', new Error(String(message))),
  });
  for (const path of paths) pack.add(path);
  pack.end();
  for await (const chunk of pack) {
    diffId.update(chunk);
    yield chunk;
  }
}

class NoLinks extends Map<`${number}:${number}`, string> {
  override get(): undefined {
    return undefined;
  }
}

/** Folders before what is in them, names in the order of their code units. */
async function pathsBelow(
  root: string,
  below: string,
  include: (path: string) => boolean,
): Promise<string[]> {
  const paths: string[] = [];
  const names = (await readdir(join(root, below))).sort();
  for (const name of names) {
    const path = below === '' ? name : `${below}/${name}`;
    if (!include(path)) continue;
    if (name.startsWith(WHITEOUT)) {
      throw buildFailed(root, `${path} would mean in an image that another file is deleted.`);
    }
    const found = await lstat(join(root, path));
    if (!found.isFile() && !found.isDirectory() && !found.isSymbolicLink()) {
      throw buildFailed(root, `${path} is neither a file, a folder nor a symbolic link.`);
    }
    paths.push(path);
    if (found.isDirectory()) paths.push(...(await pathsBelow(root, path, include)));
  }
  return paths;
}

/** gzip writes into byte 9 which system it ran on (RFC 1952); 255 stands for unknown. */
async function* withoutSystem(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of compressed) {
    if (at <= 9 && at + chunk.length > 9) chunk[9 - at] = 255;
    at += chunk.length;
    yield chunk;
  }
}

async function addJson(layout: ImageLayout, mediaType: string, value: object): Promise<Descriptor> {
  return layout.addBlob(mediaType, [Buffer.from(JSON.stringify(value))]);
}

function sorted(record: Record<string, string>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function buildFailed(folder: string, detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'BUILD_FAILED',
    summary: `Cannot put ${folder} into an image`,
    detail,
    fix: 'Correct the folder, then build again.',
    cause,
  });
}
