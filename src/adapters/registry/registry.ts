import type { ImageFacts } from '../../model/facts.ts';
import type { ImageReference } from '../../model/release.ts';
import type { ImageFile } from '../../oci/read-image-folder.ts';

/** Where images are kept. */
export interface Registry {
  /** Printed to people, e.g. `OCI layout images/`. */
  readonly name: string;
  /**
   * Looks the image up by its digest, and what its tag points at now. `exists` is true only where the manifest and
   * every blob it names are there.
   * @throws RollbackError `REGISTRY_UNREACHABLE` where it can't be told.
   */
  lookUp(image: ImageReference, signal: AbortSignal): Promise<ImageFacts>;
  /** Reads one folder of several images; what they share is read once. Nothing is read before an image is asked for. */
  folderReader(folder: string): FolderReader;
}

/**
 * The text files of the folder in an image, by the image's digest; where that is '' of what its tag means now. A relative
 * folder is meant from the image's working directory. Everything read is compared with its digests.
 * @returns undefined where the image has no such folder
 * @throws RollbackError `REGISTRY_UNREACHABLE`; `IMAGE_FOLDER_UNREADABLE` where the image is not whole, not valid, or of a
 * kind that is not read
 */
export type FolderReader = (image: ImageReference, signal: AbortSignal) => Promise<ImageFile[] | undefined>;
