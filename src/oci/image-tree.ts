import { imageInvalid, imageUnsafe, replacesItsTarget } from './image-error.ts';
import { MOST_LINKS, partsOf } from './inside-root.ts';
import type { ListedEntry } from './list-layer.ts';
import { hiddenBy, OPAQUE, WHITEOUT } from './whiteout.ts';

/** What is at a path of an image. A file is known by the entry that brought it. */
export type TreeNode =
  | { type: 'folder'; children: Map<string, Place> }
  | { type: 'symlink'; target: string }
  | { type: 'file'; layer: number; entry: ListedEntry }
  | { type: 'other' };

type Folder = Extract<TreeNode, { type: 'folder' }>;

interface Place {
  node: TreeNode;
  /** The last layer that made or held it: a whiteout of that layer leaves it alone. */
  layer: number;
}

/**
 * The file system that layers make, lowest first, as `unpackImage` makes it on the disk (OCI image spec 1.1, "Applying
 * Changesets"). Pure.
 * @throws RollbackError `IMAGE_UNSAFE`, `IMAGE_UNSUPPORTED`, `IMAGE_INVALID`
 */
export function treeOf(layers: readonly (readonly ListedEntry[])[]): Folder {
  const root = folder();
  for (const [layer, entries] of layers.entries()) {
    for (const entry of entries) apply(root, layer, entry);
  }
  return root;
}

/** Where a path leads. */
interface Resolved {
  node: TreeNode;
  /** The real path, with no link on it. */
  real: string[];
}

/**
 * Follows a path as a process would whose root this is. Every part must be a folder or a link to one; with `file` the last
 * may be anything.
 * @returns undefined where a part is not there
 * @throws RollbackError `IMAGE_UNSAFE` where a link climbs above the root; `IMAGE_INVALID` where a part is no folder
 */
export function follow(
  root: Folder,
  path: readonly string[],
  entry: string,
  options: { file?: boolean; layer?: number } = {},
): Resolved | undefined {
  const pending = [...path];
  let way: { name: string; folder: Folder }[] = [];
  let last: Resolved['node'] = root;
  let links = 0;
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    const at: Folder = way.at(-1)?.folder ?? root;
    if (part === '..') {
      if (way.length === 0)
        throw imageUnsafe(entry, 'A symbolic link on its way climbs above the image root.');
      way.pop();
      last = way.at(-1)?.folder ?? root;
      continue;
    }
    let place = at.children.get(part);
    if (place?.node.type === 'symlink') {
      if (++links > MOST_LINKS)
        throw imageInvalid(`The entry "${entry}"`, 'Symbolic links on its way go in a circle.');
      const { target } = place.node;
      if (target.startsWith('/')) way = [];
      last = way.at(-1)?.folder ?? root;
      pending.unshift(...target.split('/').filter((step) => step !== '' && step !== '.'));
      continue;
    }
    if (!place) {
      if (options.layer === undefined) return undefined;
      place = { node: folder(), layer: options.layer };
      at.children.set(part, place);
    }
    const { node } = place;
    if (node.type === 'folder') {
      way.push({ name: part, folder: node });
      last = node;
    } else if (options.file && pending.length === 0) {
      return { node, real: [...way.map(({ name }) => name), part] };
    } else {
      const real = [...way.map(({ name }) => name), part].join('/');
      throw imageInvalid(`The entry "${entry}"`, `${real} on its way is not a folder.`);
    }
  }
  return { node: last, real: way.map(({ name }) => name) };
}

function folder(): Folder {
  return { type: 'folder', children: new Map() };
}

function apply(root: Folder, layer: number, entry: ListedEntry): void {
  const parents = entry.parts.slice(0, -1);
  const name = entry.parts.at(-1);
  if (parents.some((part) => part.startsWith(WHITEOUT))) {
    throw imageInvalid(`The entry "${entry.name}"`, `A folder's name starts with "${WHITEOUT}".`);
  }
  if (name === undefined) {
    if (entry.type === 'folder') return;
    throw imageUnsafe(entry.name, 'It would take the place of the image root.');
  }
  if (name.startsWith(WHITEOUT)) {
    whiteOut(root, layer, parents, name, entry.name);
    return;
  }
  const parent = follow(root, parents, entry.name, { layer }) as Resolved & { node: Folder };
  const { children } = parent.node;
  const node = nodeOf(root, entry, layer, [...parent.real, name], children.get(name)?.node);
  children.set(name, { node, layer });
  hold(root, parent.real, layer);
}

function nodeOf(
  root: Folder,
  entry: ListedEntry,
  layer: number,
  real: string[],
  before: TreeNode | undefined,
): TreeNode {
  switch (entry.type) {
    case 'folder':
      return before?.type === 'folder' ? before : folder();
    case 'symlink':
      return { type: 'symlink', target: entry.target };
    case 'file':
      return { type: 'file', layer, entry };
    case 'link':
      return linked(root, entry, real);
    default:
      return { type: 'other' };
  }
}

function linked(root: Folder, entry: ListedEntry, real: string[]): TreeNode {
  const what = `The entry "${entry.name}"`;
  const parts = partsOf(entry.target, entry.name);
  const name = parts.pop() ?? '';
  const parent = follow(root, parts, entry.name);
  const found = parent?.node.type === 'folder' ? parent.node.children.get(name)?.node : undefined;
  if (!parent || !found || found.type === 'folder') {
    const is = found ? 'a folder' : 'not there';
    throw imageInvalid(what, `It is a hard link to ${entry.target}, which is ${is}.`);
  }
  const from = [...parent.real, name].join('/');
  if (from === real.join('/')) throw imageInvalid(what, 'It is a hard link to itself.');
  if (from.startsWith(`${real.join('/')}/`)) throw imageInvalid(what, replacesItsTarget(entry.target));
  return found;
}

/** Its folders too: a whiteout of one of them deletes only what lower layers put there. */
function hold(root: Folder, real: string[], layer: number): void {
  let at = root;
  for (const name of real) {
    const place = at.children.get(name) as Place;
    place.layer = layer;
    at = place.node as Folder;
  }
}

function whiteOut(root: Folder, layer: number, parents: string[], name: string, entry: string): void {
  const parent = follow(root, parents, entry)?.node;
  if (parent?.type !== 'folder') return;
  if (name === OPAQUE) {
    for (const child of [...parent.children.keys()]) removeLower(parent, child, layer);
    return;
  }
  removeLower(parent, hiddenBy(name, entry), layer);
}

function removeLower({ children }: Folder, name: string, layer: number): void {
  const place = children.get(name);
  if (place?.layer !== layer) {
    children.delete(name);
    return;
  }
  if (place.node.type !== 'folder') return;
  for (const child of [...place.node.children.keys()]) removeLower(place.node, child, layer);
}
