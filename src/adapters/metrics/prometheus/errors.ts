import { RollbackError } from '../../../model/error.ts';

/** It may answer a moment later. */
export function unreachable(name: string, detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'METRICS_UNREACHABLE',
    summary: `${name} can't be asked`,
    detail,
    fix: 'See that it runs, and metrics.url in rollback.yaml where it is set.',
    retriable: true,
    cause,
  });
}

/** It answered, and would answer the same again. */
export function refused(name: string, detail: string, fix: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'METRICS_REFUSED',
    summary: `${name} refused the question`,
    detail,
    fix,
    cause,
  });
}

export function noSource(detail: string, fix?: string): RollbackError {
  return new RollbackError({
    code: 'METRICS_NO_SOURCE',
    summary: 'Nothing measures the traffic',
    detail,
    fix: fix ?? 'Set metrics: { kind: prometheus, url: ... } in rollback.yaml.',
  });
}

export function noSeries(name: string, detail: string): RollbackError {
  return new RollbackError({
    code: 'METRICS_NO_SERIES',
    summary: `${name} has no requests of this service`,
    detail,
    fix: 'Set metrics.requests and metrics.latency in rollback.yaml to PromQL that finds them.',
  });
}
