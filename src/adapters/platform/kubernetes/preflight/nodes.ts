import { ApiError } from '../../../../kubernetes/api-error.ts';
import type { KubernetesObject, Pod, PodSpec } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Finding } from '../../../../model/finding.ts';
import { workloadText } from '../view.ts';
import { findingOf } from './finding-of.ts';
import type { PreflightInput } from './input.ts';
import { quantityOf } from './quantity.ts';
import { amountsOf } from './requests.ts';
import type { Surge } from './room.ts';

interface Taint {
  key: string;
  value?: string;
  effect: string;
}

interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

interface Node extends KubernetesObject {
  spec: { unschedulable?: boolean; taints?: Taint[] };
  status: { allocatable?: Record<string, string> };
}

/** Above it the pods of all nodes are not read: only the scheduler knows then. */
const MOST_NODES = 100;

export interface Nodes {
  nodes: Node[];
  /** What runs on them; undefined where that may not be read. */
  pods: Pod[] | undefined;
}

/** undefined where nodes may not be read, or are too many. */
export async function readNodes({ cluster, signal }: PreflightInput): Promise<Nodes | undefined> {
  const nodes = await readable(cluster.list<Node>(pathOf('nodes'), { signal }));
  if (!nodes || nodes.length > MOST_NODES) return undefined;
  const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed';
  const pods = await readable(cluster.list<Pod>(pathOf('pods'), { query: { fieldSelector }, signal }));
  return { nodes, pods };
}

/**
 * Whether the nodes have room for the pods that start, each workload for itself; false where that can't be told.
 * Affinity and topology are the scheduler's own, so a fit found here is not told as one.
 */
export function fitsNodes(read: Nodes | undefined, surges: Surge[]): boolean {
  return read?.pods !== undefined && surges.every((surge) => roomFor(read, surge).room >= surge.pods);
}

function roomFor({ nodes, pods }: Nodes, { spec }: Surge): { open: Node[]; room: number } {
  const open = nodes.filter((node) => takes(node, spec));
  return { open, room: open.reduce((sum, node) => sum + fits(node, spec, pods), 0) };
}

/** What is short; nothing where it can't be told. */
export function nodeFindings(read: Nodes | undefined, surges: Surge[]): Finding[] {
  if (!read) return [];
  const { nodes, pods } = read;
  return surges.flatMap((surge) => {
    const { view, pods: wanted } = surge;
    const { open, room } = roomFor(read, surge);
    if (room >= wanted) return [];
    const title = `No node seems to have room for ${wanted} more ${wanted === 1 ? 'pod' : 'pods'} of ${workloadText(view.workload)}`;
    const evidence = [
      `${open.length} of ${nodes.length} nodes would take such a pod; there is room for ${room}.`,
      ...(pods ? [] : ['What runs on the nodes may not be read; only their whole size was compared.']),
      'An autoscaler may add a node; a pod that is not scheduled ends the rollback within seconds.',
    ];
    return [findingOf('capacity', 'warn', title, { evidence })];
  });
}

async function readable<T>(list: Promise<{ items: T[] }>): Promise<T[] | undefined> {
  try {
    return (await list).items;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
}

function takes({ metadata, spec }: Node, pod: PodSpec): boolean {
  if (spec.unschedulable) return false;
  const wants = (pod.nodeSelector ?? {}) as Record<string, string>;
  if (Object.entries(wants).some(([key, value]) => metadata.labels?.[key] !== value)) return false;
  const tolerations = (pod.tolerations ?? []) as Toleration[];
  return (spec.taints ?? []).every(
    (taint) => taint.effect === 'PreferNoSchedule' || tolerations.some((one) => tolerates(one, taint)),
  );
}

function tolerates({ key, operator = 'Equal', value = '', effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (!key) return operator === 'Exists';
  return key === taint.key && (operator === 'Exists' || value === (taint.value ?? ''));
}

/** How many such pods fit beside what runs there. */
function fits({ metadata, status }: Node, spec: PodSpec, pods: Pod[] | undefined): number {
  const here = pods?.filter((pod) => pod.spec.nodeName === metadata.name) ?? [];
  const wanted = { ...amountsOf(spec).requests, pods: 1 };
  const taken = here.map((pod) => ({ ...amountsOf(pod.spec).requests, pods: 1 }) as Record<string, number>);
  const counts = Object.entries(wanted).map(([resource, amount]) => {
    if (amount === 0) return Number.POSITIVE_INFINITY;
    const size = quantityOf(status.allocatable?.[resource] ?? '0');
    const used = taken.reduce((sum, one) => sum + (one[resource] ?? 0), 0);
    return Math.max(0, Math.floor((size - used) / amount + 1e-6));
  });
  return Math.min(...counts);
}
