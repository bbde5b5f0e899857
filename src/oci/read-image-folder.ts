import { posix } from 'node:path';
import { imageInvalid } from './image-error.ts';
import { type ImageLayer, type ImageSource, layersOf, MOST_BYTES, MOST_ENTRIES } from './image-source.ts';
import { follow, type TreeNode, treeOf } from './image-tree.ts';
import type { Allowance } from './layer-entries.ts';
import { type ListedEntry, listLayer } from './list-layer.ts';

export interface ImageFile {
  /** Path in the image, `/`-separated, without a leading `/`. */
  path: string;
  content: string;
}

/** Lists of layers that were read already, so that what images share is read once. Lives as long as its owner. */
export type KnownLayers = Map<string, ListedEntry[]>;

/**
 * The text files of a folder of the image as a process in it would see them, in order of their paths, with those in
 * folders below. Links to files are followed, links to folders are not. A relative path is meant from the image's
 * working directory. Layers are streamed; kept are their lists of names, and the content of files in that folder. A layer
 * is read again only where links lead out of the folder.
 * @returns undefined where the image has no such folder
 * @throws RollbackError `IMAGE_NOT_FOUND`, `IMAGE_DAMAGED`, `IMAGE_INVALID` (also where a file is not UTF-8),
 * `IMAGE_UNSUPPORTED`, `IMAGE_UNSAFE`, `IMAGE_TOO_LARGE` (4 GiB or 200,000 entries, or 64 MiB in the folder), and what the
 * source throws. The signal's reason where aborted.
 */
export async function readImageFolder(
  source: ImageSource,
  digest: string,
  folderInImage: string,
  signal: AbortSignal = new AbortController().signal,
  known: KnownLayers = new Map(),
): Promise<ImageFile[] | undefined> {
  signal.throwIfAborted();
  const { layers, config } = await layersOf(source, digest);
  const path = posix.join('/', folderInImage.startsWith('/') ? '' : (config.WorkingDir ?? ''), folderInImage);
  const parts = path.split('/').filter((part) => part !== '');
  const allowance = { bytes: MOST_BYTES, entries: MOST_ENTRIES };
  const lists: ListedEntry[][] = [];
  for (const layer of layers) lists.push(await listOnce(source, layer, allowance, parts, signal, known));
  const root = treeOf(lists);
  const folder = follow(root, parts, path);
  if (!folder) return undefined;
  const files = filesBelow(root, folder.real, parts.join('/'));
  const contents = await missingContents(source, layers, files, allowance, signal);
  return files.map(({ path: shown, node }) => ({
    path: shown,
    content: textOf(node.entry.content ?? contents.get(node.entry), shown),
  }));
}

async function listOnce(
  source: ImageSource,
  layer: ImageLayer,
  allowance: Allowance,
  folder: string[],
  signal: AbortSignal,
  known: KnownLayers,
): Promise<ListedEntry[]> {
  const below = folder.map((part) => `${part}/`).join('');
  const key = `${layer.layer.digest} ${layer.diffId} ${below}`;
  const list =
    known.get(key) ?? (await listLayer(source, layer, allowance, (path) => path.startsWith(below), signal));
  known.set(key, list);
  return list;
}

interface FoundFile {
  /** As it is to be shown. */
  path: string;
  node: Extract<TreeNode, { type: 'file' }>;
}

function filesBelow(root: ReturnType<typeof treeOf>, real: string[], shown: string): FoundFile[] {
  const { node } = follow(root, real, shown) as { node: TreeNode };
  if (node.type !== 'folder') return [];
  return [...node.children.keys()].sort().flatMap((name): FoundFile[] => {
    const path = posix.join(shown, name);
    const at = follow(root, [...real, name], path, { file: true });
    // A link that leads nowhere is no file.
    if (!at) return [];
    if (at.node.type === 'file') return [{ path, node: at.node }];
    return at.real.join('/') === [...real, name].join('/') ? filesBelow(root, at.real, path) : [];
  });
}

/** Of files that are in that folder by a link only, so that their own paths did not show it. */
async function missingContents(
  source: ImageSource,
  layers: ImageLayer[],
  files: FoundFile[],
  allowance: Allowance,
  signal: AbortSignal,
): Promise<Map<ListedEntry, Buffer>> {
  const contents = new Map<ListedEntry, Buffer>();
  const missing = files.filter(({ node }) => node.entry.content === undefined);
  for (const [i, layer] of layers.entries()) {
    const here = missing.filter(({ node }) => node.layer === i);
    if (here.length === 0) continue;
    const wanted = new Set(here.map(({ node }) => node.entry.parts.join('/')));
    const list = await listLayer(source, layer, allowance, (path) => wanted.has(path), signal);
    // The last one of a name is the one that is there.
    const read = new Map(list.flatMap(({ parts, content }) => (content ? [[parts.join('/'), content]] : [])));
    for (const { node } of here) {
      contents.set(node.entry, read.get(node.entry.parts.join('/')) as Buffer);
    }
  }
  return contents;
}

function textOf(content: Buffer | undefined, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw imageInvalid(`The file "${path}"`, 'It is not UTF-8 text.', error);
  }
}
