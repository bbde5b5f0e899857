import { RollbackError } from '../../../model/error.ts';

/** What a registry that can't be asked is told with; names the host, never a secret. */
export function unreadable(
  host: string,
  detail: string,
  more: { fix?: string; retriable?: boolean; cause?: unknown } = {},
): RollbackError {
  return new RollbackError({
    code: 'REGISTRY_UNREACHABLE',
    summary: `The image registry ${host} can't be read`,
    detail,
    fix: more.fix ?? `See that ${host} can be reached from here, then run the same command again.`,
    retriable: more.retriable ?? false,
    cause: more.cause,
  });
}

/** Why `fetch` failed: its own message is only "fetch failed". */
export function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  const { message: why, code } = (cause ?? {}) as NodeJS.ErrnoException;
  return why || code || message;
}
