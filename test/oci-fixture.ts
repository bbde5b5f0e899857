import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Header } from 'tar';
import { RollbackError } from '../src/model/error.ts';
import type { ImageLayout } from '../src/oci/image-layout.ts';
import { createLayout } from '../src/oci/image-layout.ts';
import type { Descriptor, ImageConfig } from '../src/oci/manifest.ts';
import { MEDIA_TYPE } from '../src/oci/manifest.ts';
import { thisPlatform } from '../src/oci/this-platform.ts';

export const NEVER = new AbortController().signal;

/** An entry of a layer, as it is to be: names are not made harmless. */
export interface Entry {
  path: string;
  /** Default a file. */
  type?: string;
  content?: string;
  mode?: number;
  linkpath?: string;
}

export interface CraftedLayer {
  entries?: Entry[];
  /** Instead of entries: the uncompressed layer. */
  tar?: Buffer;
  /** Instead of the compressed one: the blob. */
  blob?: Buffer;
  mediaType?: string;
  diffId?: string;
}

export interface Scratch {
  dir: string;
  layout: ImageLayout;
  end(): Promise<void>;
}

/** A folder of its own with an empty layout in it. */
export async function scratch(): Promise<Scratch> {
  const dir = await mkdtemp(join(tmpdir(), 'rda-oci-'));
  const layout = await createLayout(join(dir, 'images'));
  return { dir, layout, end: () => rm(dir, { recursive: true, force: true }) };
}

/** A tar archive of exactly these entries. */
export function tarOf(entries: Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = 'File', content = '', mode = 0o644, linkpath }) => {
    const body = Buffer.from(content);
    const header = new Header({ path, type: type as 'File', mode, size: body.length, linkpath });
    header.encode();
    return [header.block as Buffer, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Puts an image of crafted layers into the layout, lowest first. */
export async function craftImage(
  layout: ImageLayout,
  layers: CraftedLayer[],
  { reference = 'shop:v1', config = {} as ImageConfig } = {},
): Promise<{ digest: string; layers: Descriptor[] }> {
  const descriptors: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const layer of layers) {
    const tar = layer.tar ?? tarOf(layer.entries ?? []);
    const blob = layer.blob ?? gzipSync(tar, { level: 1 });
    descriptors.push(await layout.addBlob(layer.mediaType ?? MEDIA_TYPE.gzipLayer, [blob]));
    diffIds.push(layer.diffId ?? digestOf(tar));
  }
  const configuration = { ...thisPlatform(), config, rootfs: { type: 'layers', diff_ids: diffIds } };
  const digest = await craftManifest(layout, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: await layout.addBlob(MEDIA_TYPE.config, [Buffer.from(JSON.stringify(configuration))]),
    layers: descriptors,
  });
  await layout.tag(digest, reference);
  return { digest, layers: descriptors };
}

export async function craftManifest(layout: ImageLayout, manifest: object): Promise<string> {
  return (await layout.addBlob(MEDIA_TYPE.manifest, [Buffer.from(JSON.stringify(manifest))])).digest;
}

export function digestOf(content: Buffer | string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Turns over one bit in the middle of a blob. */
export async function flipBit(layout: ImageLayout, digest: string): Promise<string> {
  const content = await readFile(layout.blobPath(digest));
  const middle = content.length >> 1;
  content[middle] = (content[middle] as number) ^ 1;
  await writeFile(layout.blobPath(digest), content);
  return digestOf(content);
}

/** What a promise is rejected with, as people read it. Fails where it is not rejected with the product's own error. */
export async function errorOf(
  promise: Promise<unknown>,
): Promise<{ code: string; summary: string; detail: string | undefined; exit: number }> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof RollbackError)) throw error;
    const { code, summary, detail, exit } = error;
    return { code, summary, detail, exit };
  }
  throw new Error('It was expected to be rejected.');
}
