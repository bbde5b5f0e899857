import type { Container, PodSpec, Service } from '../../../../kubernetes/objects.ts';
import type { Finding } from '../../../../model/finding.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import { findingOf } from './finding-of.ts';

type Port = NonNullable<Service['spec']['ports']>[number] & { appProtocol?: string };
type ServiceSpec = Service['spec'] & { sessionAffinity?: string };

const LONG_LIVED = /^(wss?|grpcs?|http2|h2c?)([.-]|$)/;
const LONG_LIVED_PROTOCOL = /^(kubernetes\.io\/(wss?|h2c)|grpc|h2c)$/;

/**
 * Connections that clients keep for long are not moved by taking a pod out of its Service. Where the declarations
 * point to such, and nothing tells the application before SIGTERM, that is said.
 */
export function connectionFindings(
  views: WorkloadView[],
  { drainTimeout }: { drainTimeout: number },
): Finding[] {
  return views.flatMap((view) => {
    if (view.services.length === 0 || hasHook(view.object.spec.template.spec)) return [];
    const evidence = view.services.flatMap(signs);
    if (evidence.length === 0) return [];
    const title = `${workloadText(view.workload)} seems to hold long connections, and nothing tells it to close them`;
    const bound = `The drain waits up to ${drainTimeout} s for them; connections that are cut then are counted and reported.`;
    const fix = [
      'Close them on SIGTERM or in a preStop hook, or raise platform.drainTimeout in rollback.yaml',
    ];
    return [findingOf('platform', 'warn', title, { evidence: [...evidence, bound], fix })];
  });
}

function signs({ metadata, spec }: Service): string[] {
  const { sessionAffinity, ports = [] } = spec as ServiceSpec;
  const found: string[] = [];
  if (sessionAffinity === 'ClientIP')
    found.push(`service/${metadata.name} keeps clients on one pod (ClientIP).`);
  for (const { name = '', port, appProtocol = '' } of ports as Port[]) {
    if (LONG_LIVED_PROTOCOL.test(appProtocol)) {
      found.push(`service/${metadata.name} port ${port} speaks ${appProtocol}.`);
    } else if (LONG_LIVED.test(name)) found.push(`service/${metadata.name} port ${port} is named ${name}.`);
  }
  return found;
}

function hasHook({ containers }: PodSpec): boolean {
  return containers.some(
    ({ lifecycle }: Container) => (lifecycle as { preStop?: unknown } | undefined)?.preStop,
  );
}
