import { isDeepStrictEqual } from 'node:util';
import type { EndpointSlice, PodTemplate, Service } from '../../../../kubernetes/objects.ts';
import type { Collections } from '../collections.ts';
import { hasLabels, originalSelector, viewOf } from '../read-view.ts';
import { splitImage } from '../release-of.ts';
import type { WorkloadView } from '../view.ts';

/** Two Deployments, one of which gets all traffic of the Services that pick one of them by a label. */
export interface Pair {
  /** The label that tells them apart, e.g. `color`. */
  key: string;
  /** Its value on each, by name of the Deployment. */
  values: Record<string, string>;
  /** Which the Services pick. Both views have the Services of the pair, whichever they pick now. */
  live: WorkloadView;
  idle: WorkloadView;
}

/**
 * The blue-green pair that a Deployment is one of: the only other Deployment whose selector differs from its own in the
 * value of one label, where Services pick by that label, all of them the same one, and select both but for it. Services
 * that pick different ones (e.g. a preview beside the live one) make no pair: which of them is live is not told. Nor do
 * two that run different things, or are told apart by a label that says what they are, such as a worker without a
 * Service beside the application. Pure.
 */
export function findPair(all: Collections, one: WorkloadView): Pair | undefined {
  if (one.workload.kind !== 'deployment') return undefined;
  const pairs = all.deployments
    .filter(({ metadata }) => metadata.name !== one.workload.name)
    .flatMap(({ metadata }) => {
      const other = viewOf({ kind: 'deployment', name: metadata.name }, all);
      return (other && pairOf(all, one, other)) ?? [];
    });
  return pairs.length === 1 ? pairs[0] : undefined;
}

/** A template without the label that tells the two apart, so that the same release is the same on both. */
export function uncolored({ metadata, ...template }: PodTemplate, key: string): PodTemplate {
  const { [key]: _, ...labels } = metadata?.labels ?? {};
  return { ...template, metadata: { ...metadata, labels } };
}

/** The same template as the one of the pair with that value has it. */
export function colored({ metadata, ...template }: PodTemplate, key: string, value: string): PodTemplate {
  return { ...template, metadata: { ...metadata, labels: { ...metadata?.labels, [key]: value } } };
}

/** Labels that say what a thing is, not which of two (Kubernetes documentation, "Recommended Labels", and habits before). */
const NAMES_IT = /^(app|k8s-app|name|component|tier|role|app\.kubernetes\.io\/(name|component|part-of))$/;

/** The same containers with the same programs, whatever their versions. */
function runTheSame(one: WorkloadView, other: WorkloadView): boolean {
  const programs = ({ object }: WorkloadView) =>
    object.spec.template.spec.containers.map(({ name, image, command, args }) => ({
      name,
      image: splitImage(image).name,
      command,
      args,
    }));
  return isDeepStrictEqual(programs(one), programs(other));
}

function pairOf(all: Collections, one: WorkloadView, other: WorkloadView): Pair | undefined {
  const [a, b] = [selectorOf(one), selectorOf(other)];
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length || keys.some((key) => b[key] === undefined)) return undefined;
  const differing = keys.filter((key) => a[key] !== b[key]);
  const [key] = differing;
  if (key === undefined || differing.length > 1 || NAMES_IT.test(key) || !runTheSame(one, other))
    return undefined;
  const values = { [one.workload.name]: a[key] as string, [other.workload.name]: b[key] as string };
  const services = all.services.filter((service) => picks(service, key, Object.values(values), [one, other]));
  const picked = new Set(services.map((service) => originalSelector(service)[key]));
  if (picked.size !== 1) return undefined;
  const slices = slicesOf(all, services);
  const [live, idle] = picked.has(a[key]) ? [one, other] : [other, one];
  return { key, values, live: { ...live, services, slices }, idle: { ...idle, services, slices } };
}

/** By what it selected before a run: one that is narrowed for a time still picks one of the two. */
function picks(service: Service, key: string, values: string[], both: WorkloadView[]): boolean {
  const { [key]: value, ...rest } = originalSelector(service);
  if (value === undefined || !values.includes(value)) return false;
  return both.every(({ object }) => hasLabels(rest, object.spec.template.metadata?.labels ?? {}));
}

function selectorOf({ object }: WorkloadView): Record<string, string> {
  return object.spec.selector.matchLabels ?? {};
}

function slicesOf(all: Collections, services: Service[]): EndpointSlice[] {
  const names = new Set(services.map(({ metadata }) => metadata.name));
  return all.endpointslices.filter(({ metadata }) =>
    names.has(metadata.labels?.['kubernetes.io/service-name'] ?? ''),
  );
}
