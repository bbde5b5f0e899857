import { EXIT, RollbackError } from '../model/error.ts';

const PUT_BACK =
  'Put the image back into the image store, e.g. with skopeo copy, then run the same command again.';
const REBUILD = 'Build the image again, or choose another release: rollback-deploy-auto releases';

/** The folder is no image store. */
export function layoutNotFound(path: string, detail: string): RollbackError {
  return new RollbackError({
    code: 'LAYOUT_NOT_FOUND',
    summary: `There is no OCI image layout in ${path}`,
    detail,
    fix: `Set registry.path in rollback.yaml to the folder of the images, or make it: skopeo copy SOURCE oci:${path}:NAME:TAG`,
    exit: EXIT.usage,
  });
}

export function layoutInvalid(path: string, detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'LAYOUT_INVALID',
    summary: `The OCI image layout in ${path} can't be read`,
    detail,
    fix: 'Put the file back from a copy, or copy the images into a new layout with skopeo copy.',
    cause,
  });
}

export function imageNotFound(digest: string, detail: string): RollbackError {
  return new RollbackError({
    code: 'IMAGE_NOT_FOUND',
    summary: `Image ${digest} is not in the image store`,
    detail,
    fix: PUT_BACK,
  });
}

/** Content that is not what its digest says. */
export function imageDamaged(detail: string): RollbackError {
  return new RollbackError({
    code: 'IMAGE_DAMAGED',
    summary: 'The image in the image store is damaged',
    detail,
    fix: 'Delete that blob and copy the image into the image store again (skopeo keeps a blob that is there), then run the same command again.',
  });
}

/** Content that is what its digest says, and not what the specification says. */
export function imageInvalid(what: string, detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'IMAGE_INVALID',
    summary: `${what} is not a valid OCI image`,
    detail,
    fix: REBUILD,
    cause,
  });
}

/** Of a hard link that takes the place of a folder on the way to what it links to. */
export function replacesItsTarget(target: string): string {
  return `It is a hard link to ${target}, and takes the place of a folder on the way there.`;
}

/** Valid, and nothing that this product runs. */
export function imageUnsupported(what: string, detail: string, fix = REBUILD): RollbackError {
  return new RollbackError({
    code: 'IMAGE_UNSUPPORTED',
    summary: `${what} can't be unpacked here`,
    detail,
    fix,
  });
}

/** An entry that would write or link outside of the image. */
export function imageUnsafe(entry: string, detail: string): RollbackError {
  return new RollbackError({
    code: 'IMAGE_UNSAFE',
    summary: `The image's entry "${entry}" leads outside of the image`,
    detail,
    fix: 'Do not use this image. Find out who built it, and choose another release: rollback-deploy-auto releases',
  });
}

export function imageTooLarge(detail: string): RollbackError {
  return new RollbackError({
    code: 'IMAGE_TOO_LARGE',
    summary: 'The image is larger than this product unpacks',
    detail,
    fix: REBUILD,
  });
}
