import { RollbackError } from '../../../../model/error.ts';
import type { SupervisorState } from '../supervisor-api.ts';

/**
 * The state, where the proxy has taken its routes over: only then is who gets requests, and what is in flight, a fact.
 * @throws RollbackError `PROXY_UNREACHABLE` (retriable): the supervisor starts a proxy that died again
 */
export function acknowledged(
  state: SupervisorState,
): SupervisorState & Required<Pick<SupervisorState, 'proxy'>> {
  const { proxy } = state;
  if (proxy) return { ...state, proxy };
  throw new RollbackError({
    code: 'PROXY_UNREACHABLE',
    summary: `The proxy of ${state.service} does not answer`,
    detail: state.problems.join(' ') || 'The supervisor starts it again.',
    fix: 'Look at what runs: rollback-deploy-auto local status',
    retriable: true,
  });
}
