import { imageUnsafe, imageUnsupported } from './image-error.ts';

/** Begins the name of an entry that deletes what a lower layer has (OCI image spec 1.1, "Whiteouts"). */
export const WHITEOUT = '.wh.';

/** The entry that deletes all that lower layers have in its folder. */
export const OPAQUE = '.wh..wh..opq';

/** The name in its folder that a whiteout of that name hides. @throws RollbackError where it hides nothing that a folder may hold */
export function hiddenBy(name: string, entry: string): string {
  const hidden = name.slice(WHITEOUT.length);
  if (hidden === '' || hidden === '.' || hidden === '..') {
    throw imageUnsafe(entry, `It would delete "${hidden}".`);
  }
  if (hidden.startsWith(WHITEOUT)) {
    throw imageUnsupported(
      `The image's entry "${entry}"`,
      'It is a mark of aufs, which is not part of OCI images.',
    );
  }
  return hidden;
}
