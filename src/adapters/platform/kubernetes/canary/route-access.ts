import { ApiError } from '../../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../../kubernetes/cluster.ts';
import { groupOf, pathOf } from '../../../../kubernetes/resource-paths.ts';

/** Whether HTTPRoutes can be read: `absent` where the cluster has no Gateway API, `refused` where there is no right to. */
export type RouteAccess = 'there' | 'absent' | 'refused';

/**
 * Looks once, with one small request; a cluster does not get or lose the Gateway API while a client runs.
 * @throws ApiError for any answer but the three
 */
export function routeAccess(
  cluster: Cluster,
  namespace: string,
): (signal: AbortSignal) => Promise<RouteAccess> {
  let known: RouteAccess | undefined;

  async function answers(path: string, signal: AbortSignal): Promise<number> {
    try {
      await cluster.get(path, { query: { limit: 1 }, signal });
      return 200;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return error.status;
      throw error;
    }
  }

  return async (signal) => {
    if (known) return known;
    const status = await answers(pathOf('httproutes', namespace), signal);
    // Who may not read them is told so whether there are any or not; which API groups there are is told everybody.
    if (status === 403) {
      const group = await answers(`/apis/${groupOf('httproutes')}`, signal);
      known = group === 200 ? 'refused' : 'absent';
    } else {
      known = status === 200 ? 'there' : 'absent';
    }
    return known;
  };
}
