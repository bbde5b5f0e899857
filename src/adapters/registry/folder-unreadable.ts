import { RollbackError } from '../../model/error.ts';

const BY_HAND =
  'Compare the migrations of the versions by hand, or choose another: rollback-deploy-auto releases';

/** Why a folder of an image could not be read, in the words of one who wants to read it. Others' errors pass. */
export function folderUnreadable(reference: string, folder: string, error: unknown): unknown {
  if (!(error instanceof RollbackError) || !error.code.startsWith('IMAGE_')) return error;
  return new RollbackError({
    code: 'IMAGE_FOLDER_UNREADABLE',
    summary: `The folder ${folder} of the image ${reference} can't be read`,
    detail: error.detail ?? `${error.summary}.`,
    fix: FIXES[error.code] ?? BY_HAND,
    cause: error,
  });
}

const PUSH = 'Put the image back into the registry as it was, then run the command again.';

const FIXES: Record<string, string> = { IMAGE_NOT_FOUND: PUSH, IMAGE_DAMAGED: PUSH };
