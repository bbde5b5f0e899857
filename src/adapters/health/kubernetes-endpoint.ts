import type { PodTemplate, Service } from '../../kubernetes/objects.ts';

export interface AskedPort {
  port?: number | string | undefined;
  /** `HTTP` or `HTTPS`, as a readiness probe has it. */
  scheme?: string | undefined;
}

/** What to ask the pods of a template: as configured, else as the kubelet asks whether they are ready. */
export function endpointOf(
  { spec }: Pick<PodTemplate, 'spec'>,
  { path, port }: { path?: string | undefined; port?: number | undefined },
): (AskedPort & { path: string }) | undefined {
  const container = spec.containers.find(({ readinessProbe }) => readinessProbe?.httpGet);
  const probe = container?.readinessProbe?.httpGet;
  const named = container?.ports?.find(({ name }) => name === probe?.port)?.containerPort;
  const probed = named ?? probe?.port;
  if (path !== undefined) return { path, port: port ?? probed, scheme: probe?.scheme };
  return probe && { path: probe.path ?? '/', port: port ?? probed, scheme: probe.scheme };
}

/**
 * Paths that the kubelet asks the pods of these templates for, without their queries. Not `/`: visitors ask for it too,
 * and what can't be told apart counts as theirs.
 */
export function probePaths(templates: Pick<PodTemplate, 'spec'>[]): string[] {
  const probes = templates
    .flatMap(({ spec }) => spec.containers)
    .flatMap(({ readinessProbe, livenessProbe, startupProbe }) => [
      readinessProbe,
      livenessProbe,
      startupProbe,
    ]);
  const paths = probes.map((probe) => probe?.httpGet?.path?.split('?')[0]);
  return [...new Set(paths.filter((path) => path !== undefined && path !== '' && path !== '/'))] as string[];
}

/**
 * The port of a Service that leads to a port of the pods, as its proxy path takes it: its name, else its number. Where
 * no port of the pods is named, the first one. undefined where the Service has none.
 */
export function servicePort(
  { spec }: Service,
  template: PodTemplate,
  port: number | string | undefined,
): number | string | undefined {
  const tcp = (spec.ports ?? []).filter(({ protocol }) => protocol === undefined || protocol === 'TCP');
  const found = tcp.find(
    (one) => port === undefined || numberOf(one.targetPort ?? one.port, template) === port,
  );
  return found?.name ?? found?.port;
}

function numberOf(targetPort: number | string, { spec }: PodTemplate): number | string {
  const ports = spec.containers.flatMap(({ ports: own }) => own ?? []);
  return ports.find(({ name }) => name === targetPort)?.containerPort ?? targetPort;
}
