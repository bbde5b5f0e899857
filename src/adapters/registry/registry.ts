import type { ImageFacts } from '../../model/facts.ts';
import type { ImageReference } from '../../model/release.ts';

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
}
