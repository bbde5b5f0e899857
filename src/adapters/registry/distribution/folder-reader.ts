import { RollbackError } from '../../../model/error.ts';
import { isDigest } from '../../../oci/manifest.ts';
import type { KnownLayers } from '../../../oci/read-image-folder.ts';
import { folderUnreadable } from '../folder-unreadable.ts';
import type { FolderReader } from '../registry.ts';
import { parseImageName } from './image-name.ts';
import type { RegistryClient } from './registry-client.ts';

/** See `Registry.folderReader`. `tagDigest` says what a tag means now. */
export function folderReader(
  client: RegistryClient,
  folder: string,
  tagDigest: (reference: string, signal: AbortSignal) => Promise<string | undefined>,
): FolderReader {
  const known: KnownLayers = new Map();
  return async ({ reference, digest }, signal) => {
    const [{ readImageFolder }, { registrySource }] = await Promise.all([
      import('../../../oci/read-image-folder.ts'),
      import('./registry-source.ts'),
    ]);
    const name = parseImageName(reference);
    const wanted = digest === '' ? (name.digest ?? (await tagDigest(reference, signal))) : digest;
    if (!isDigest(wanted)) throw tagGone(reference);
    try {
      return await readImageFolder(registrySource(client, name, signal), wanted, folder, signal, known);
    } catch (error) {
      signal.throwIfAborted();
      throw folderUnreadable(reference, folder, error);
    }
  };
}

function tagGone(reference: string): RollbackError {
  return new RollbackError({
    code: 'IMAGE_FOLDER_UNREADABLE',
    summary: `The image ${reference} can't be read`,
    detail: 'Its tag is gone, and by which digest it was deployed is not known.',
    fix: 'Choose another version: rollback-deploy-auto releases',
  });
}
