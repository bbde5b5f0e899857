import { type EXIT, RollbackError } from '../model/error.ts';

/** What the API server answers to a request it did not carry out (Kubernetes API conventions, "Response Status Kind"). */
export interface ApiStatus {
  kind?: string;
  code?: number;
  /** E.g. `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden`, `Expired`. */
  reason?: string;
  message?: string;
  details?: { retryAfterSeconds?: number; causes?: { reason?: string; message?: string; field?: string }[] };
}

/** A request that was refused, with the HTTP status it was refused with; 0 where there was no answer. */
export class ApiError extends RollbackError {
  readonly status: number;
  readonly reason: string | undefined;
  /** The server's own sentence, e.g. `pods "x" is forbidden: exceeded quota`. */
  readonly says: string;

  constructor(parts: { what: string; status: number; answer?: ApiStatus | undefined; cause?: unknown }) {
    const { what, status, answer, cause } = parts;
    const says = answer?.message ?? (cause instanceof Error ? cause.message : `HTTP ${status}`);
    super({
      code: codeOf(status),
      summary: status === 0 ? 'The cluster does not answer' : `Kubernetes did not ${what}`,
      detail: /[.!?]$/.test(says) ? says : `${says}.`,
      ...fixOf(status),
      retriable: isRetriable(status),
      cause,
    });
    this.name = 'ApiError';
    this.status = status;
    this.reason = answer?.reason;
    this.says = says;
  }
}

/** True for the answer `404 Not Found`. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** True where a precondition did not hold: a conflict of versions, or a `test` of a JSON Patch (RFC 6902) that failed. */
export function isPreconditionFailed(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  // What the API server says of a failed `test`: it has no reason or cause of its own.
  return (
    error.status === 409 ||
    (error.status === 422 && /^the server rejected our request|testing (value|path)/i.test(error.says))
  );
}

function isRetriable(status: number): boolean {
  return status === 0 || status === 401 || status === 408 || status === 429 || status >= 500;
}

function codeOf(status: number): string {
  const codes: Record<number, string> = {
    401: 'KUBERNETES_UNAUTHORIZED',
    403: 'KUBERNETES_FORBIDDEN',
    404: 'KUBERNETES_NOT_FOUND',
    409: 'KUBERNETES_CONFLICT',
    410: 'KUBERNETES_EXPIRED',
    422: 'KUBERNETES_INVALID',
  };
  return codes[status] ?? (isRetriable(status) ? 'KUBERNETES_UNREACHABLE' : 'KUBERNETES_REFUSED');
}

function fixOf(status: number): { fix?: string; exit?: (typeof EXIT)['usage'] } {
  if (status === 0) return { fix: 'See whether it answers kubectl: kubectl get --raw /readyz' };
  if (status === 401)
    return { fix: 'Log in again, or renew the token of the kubeconfig, then run the same command.' };
  if (status === 403) {
    return { fix: 'Give the rights it needs: rollback-deploy-auto init --rbac | kubectl apply -f -' };
  }
  return {};
}
