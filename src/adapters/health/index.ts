import type { HealthProbe } from './health.ts';
import { httpHealth } from './http.ts';
import { kubernetesHealth } from './kubernetes.ts';

/** Health probes by kind. */
export const healthProbes = { http: httpHealth, kubernetes: kubernetesHealth } satisfies Record<
  string,
  (options: never) => HealthProbe
>;
