import { RollbackError } from '../../model/error.ts';
import { openLayout } from '../../oci/image-layout.ts';
import type { KnownLayers } from '../../oci/read-image-folder.ts';
import { folderUnreadable } from './folder-unreadable.ts';
import type { Registry } from './registry.ts';

export interface OciLayoutOptions {
  /** Folder of the layout, absolute. */
  path: string;
  /** The folder as people know it, e.g. `images`. */
  label: string;
}

/** A folder in the OCI image layout format. Every look reads all of the image and compares it with its digests. */
export function ociLayoutRegistry({ path, label }: OciLayoutOptions): Registry {
  const name = `OCI layout ${label.replace(/\/*$/, '/')}`;
  return {
    name,
    async lookUp({ reference, digest }, signal) {
      try {
        const layout = await openLayout(path);
        const tagDigest = await layout.resolve(reference);
        const problems = await layout.verify(digest, signal);
        return {
          reference,
          exists: problems.length === 0,
          tagDigest,
          problem: problems.length === 0 ? undefined : problems.map(({ says }) => says).join(' '),
        };
      } catch (error) {
        signal.throwIfAborted();
        throw unreachable(name, error);
      }
    },
    folderReader(folder) {
      const known: KnownLayers = new Map();
      return async ({ reference, digest }, signal) => {
        const { readImageFolder } = await import('../../oci/read-image-folder.ts');
        const layout = await openLayout(path).catch((error) => {
          throw unreachable(name, error);
        });
        try {
          return await readImageFolder(layout, digest, folder, signal, known);
        } catch (error) {
          signal.throwIfAborted();
          throw folderUnreadable(reference, folder, error);
        }
      };
    },
  };
}

function unreachable(name: string, error: unknown): RollbackError {
  const known = error instanceof RollbackError ? error : undefined;
  return new RollbackError({
    code: 'REGISTRY_UNREACHABLE',
    summary: `The image store ${name} can't be read`,
    detail: known ? known.message : `${(error as Error).message}.`,
    fix: known?.fix ?? 'Make the folder readable for this user, then run the same command again.',
    cause: error,
  });
}
