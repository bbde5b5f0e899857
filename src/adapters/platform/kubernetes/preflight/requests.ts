import type { Container, PodSpec } from '../../../../kubernetes/objects.ts';
import { quantityOf } from './quantity.ts';

type Amounts = Record<string, number>;
type Quantities = Record<string, string | number>;

/** What a pod asks for and is limited to, by resource, e.g. `cpu` in cores and `memory` in bytes. */
export interface PodAmounts {
  requests: Amounts;
  limits: Amounts;
}

/** One `limits` entry of a LimitRange that gives containers what they do not say themselves. */
export interface ContainerDefaults {
  default?: Quantities;
  defaultRequest?: Quantities;
}

/**
 * Sums a pod as the scheduler and quotas do (Kubernetes documentation, "Init containers", resource sharing): containers
 * and sidecars together, or the largest init container where that is more; plus the overhead.
 */
export function amountsOf(spec: PodSpec, defaults: ContainerDefaults[] = []): PodAmounts {
  const init = spec.initContainers ?? [];
  const sidecars = init.filter(({ restartPolicy }) => restartPolicy === 'Always');
  const amounts = (kind: 'requests' | 'limits') => {
    const running = sum([...spec.containers, ...sidecars].map((one) => ofContainer(one, kind, defaults)));
    const starting = init
      .filter((one) => !sidecars.includes(one))
      .map((one) => ofContainer(one, kind, defaults));
    return sum([highest([running, ...starting]), read(spec.overhead as Quantities | undefined)]);
  };
  return { requests: amounts('requests'), limits: amounts('limits') };
}

function ofContainer(
  container: Container,
  kind: 'requests' | 'limits',
  defaults: ContainerDefaults[],
): Amounts {
  const own = (container.resources ?? {}) as { requests?: Quantities; limits?: Quantities };
  const limits = { ...read(Object.assign({}, ...defaults.map((one) => one.default))), ...read(own.limits) };
  if (kind === 'limits') return limits;
  const given = Object.assign({}, ...defaults.map((one) => one.defaultRequest));
  // A limit without a request is the request too.
  return { ...read(own.limits), ...pick(read(given), read(own.limits)), ...read(own.requests) };
}

/** Entries of `from` that `unless` has not. */
function pick(from: Amounts, unless: Amounts): Amounts {
  return Object.fromEntries(Object.entries(from).filter(([key]) => unless[key] === undefined));
}

function read(quantities: Quantities | undefined): Amounts {
  return Object.fromEntries(Object.entries(quantities ?? {}).map(([key, value]) => [key, quantityOf(value)]));
}

function sum(all: Amounts[]): Amounts {
  const total: Amounts = {};
  for (const one of all)
    for (const [key, value] of Object.entries(one)) total[key] = (total[key] ?? 0) + value;
  return total;
}

function highest(all: Amounts[]): Amounts {
  const most: Amounts = {};
  for (const one of all)
    for (const [key, value] of Object.entries(one)) most[key] = Math.max(most[key] ?? 0, value);
  return most;
}
