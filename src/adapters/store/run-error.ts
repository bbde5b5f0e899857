import { distance } from 'fastest-levenshtein';
import { EXIT, RollbackError } from '../../model/error.ts';

/** May be the id of a run: the name of a folder below `runs/`, and of nothing elsewhere. */
export function isRunId(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]{0,199}$/.test(text);
}

/** No such run; names the nearest ones. */
export function runNotFound(runId: string, all: readonly string[], storeName: string): RollbackError {
  const nearest = [...all].sort((a, b) => distance(runId, a) - distance(runId, b)).slice(0, 3);
  return new RollbackError({
    code: 'RUN_NOT_FOUND',
    summary: `There is no run "${runId}"`,
    detail:
      nearest.length === 0
        ? `${storeName} has no runs yet.`
        : `The nearest in ${storeName}: ${nearest.join(', ')}.`,
    fix: 'See all runs: rollback-deploy-auto history',
    exit: EXIT.usage,
  });
}

/** A run with that id is there already. */
export function runExists(runId: string): RollbackError {
  return new RollbackError({
    code: 'RUN_EXISTS',
    summary: `There already is a run ${runId}`,
    detail: 'Two clients chose the same id in the same second.',
    fix: 'Run the same command again.',
    exit: EXIT.refused,
  });
}

/** The document is no longer the version that was read. */
export function documentChanged(kind: string, document: string): RollbackError {
  return new RollbackError({
    code: 'DOCUMENT_CHANGED',
    summary: `${kind}/${document} was changed by another client`,
    detail: 'It is not the version that was read before.',
    fix: 'Run the same command again.',
    retriable: true,
  });
}
