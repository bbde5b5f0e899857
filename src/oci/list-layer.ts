import type { ReadEntry } from 'tar';
import { imageTooLarge } from './image-error.ts';
import type { ImageLayer, ImageSource } from './image-source.ts';
import { partsOf } from './inside-root.ts';
import type { Allowance } from './layer-entries.ts';
import { readLayer } from './layer-stream.ts';

/** Bytes kept of one layer at the most. */
const MOST_TEXT = 64 * 1024 * 1024;

/** An entry of a layer without its content, unless that was wanted. */
export interface ListedEntry {
  /** As the layer writes it. */
  name: string;
  /** From the image root; none for the root itself. */
  parts: string[];
  /** `link`: a hard link. `other`: devices and the like. */
  type: 'folder' | 'file' | 'symlink' | 'link' | 'other';
  /** Where a link leads, as written; empty for what is none. */
  target: string;
  content: Buffer | undefined;
}

/**
 * Streams a layer past and keeps its list of entries, with the content of the files that are wanted.
 * @param wanted Told the path of a file from the image root.
 * @throws RollbackError as `readLayer`; `IMAGE_UNSAFE` for names that leave the image; `IMAGE_TOO_LARGE` where more than 64
 * MiB are wanted
 */
export async function listLayer(
  source: ImageSource,
  layer: ImageLayer,
  allowance: Allowance,
  wanted: (path: string) => boolean,
  signal: AbortSignal,
): Promise<ListedEntry[]> {
  const list: ListedEntry[] = [];
  let kept = 0;
  await readLayer(source, layer, allowance, signal, async (entry) => {
    const { path: name, linkpath } = entry;
    const parts = partsOf(name, name);
    const type = TYPES[entry.type] ?? 'other';
    let content: Buffer | undefined;
    if (type === 'file' && wanted(parts.join('/'))) {
      kept += entry.size;
      if (kept > MOST_TEXT)
        throw imageTooLarge(`More than 64 MiB of text are in that folder, up to ${name}.`);
      content = await contentOf(entry);
    }
    list.push({ name, parts, type, target: linkpath ?? '', content });
  });
  return list;
}

const TYPES: Partial<Record<ReadEntry['type'], ListedEntry['type']>> = {
  Directory: 'folder',
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  SymbolicLink: 'symlink',
  Link: 'link',
};

async function contentOf(entry: ReadEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
