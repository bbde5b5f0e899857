import { RollbackError } from '../../model/error.ts';

/**
 * An error of the file system as one that says what to do: `STATE_UNUSABLE`. Retriable where the same call may work
 * a moment later, such as after somebody made space. A `RollbackError` passes as it is.
 */
export function stateError(error: unknown, path: string, doing: 'read' | 'write' | 'link'): unknown {
  if (error instanceof RollbackError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const unusable = (detail: string, fix: string, retriable = false) =>
    new RollbackError({
      code: 'STATE_UNUSABLE',
      summary: `Cannot ${doing === 'read' ? 'read' : 'write to'} the state folder`,
      detail: `${detail} (${message})`,
      fix,
      retriable,
      cause: error,
    });
  if (doing === 'link' && NO_LINKS.has(code)) {
    return unusable(
      `The file system of ${path} has no hard links, which keep two clients from writing the same entry.`,
      'Set state.path in rollback.yaml to a folder on another file system.',
    );
  }
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return unusable(
        `There is no space left for ${path}.`,
        'Make space, then run the same command again.',
        true,
      );
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return unusable(
        `${path} may not be ${doing === 'read' ? 'read' : 'written'} by this user.`,
        'Give this user the folder, or set state.path in rollback.yaml to another one.',
      );
    case 'ENOENT':
      return unusable(
        `${path} was removed while it was in use.`,
        'Put it back if it was moved, then run the same command again.',
      );
    case 'ENOTDIR':
      return unusable(
        `${path} can't be there: a part of that path is a file, no folder.`,
        'Set state.path in rollback.yaml to a folder.',
      );
    case 'ENAMETOOLONG':
      return unusable(`The path ${path} is too long.`, 'Set state.path in rollback.yaml to another folder.');
    default:
      return unusable(`${path} failed.`, 'Run the same command again.', TRANSIENT.has(code));
  }
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
const TRANSIENT = new Set(['EIO', 'EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'EINTR', 'ESTALE']);
