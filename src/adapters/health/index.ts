import type { HealthProbe } from './health.ts';
import { type HttpHealthOptions, httpHealth } from './http.ts';

/** Health probes by kind. */
export const healthProbes = { http: httpHealth } satisfies Record<
  string,
  (options: HttpHealthOptions) => HealthProbe
>;
