import type { KubernetesObject, Pod } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Finding } from '../../../../model/finding.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import { type Claims, isBesideKind, runsAlone } from './downtime.ts';
import { findingOf } from './finding-of.ts';
import type { PreflightInput } from './input.ts';
import { quantityOf } from './quantity.ts';
import { amountsOf, type ContainerDefaults } from './requests.ts';

interface ResourceQuota extends KubernetesObject {
  spec: { scopes?: string[]; scopeSelector?: unknown };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

interface LimitRange extends KubernetesObject {
  spec: { limits: ({ type: string } & ContainerDefaults)[] };
}

/** A workload whose new pods run beside the old ones, and what one of them asks for. */
export interface Surge {
  view: WorkloadView;
  pods: number;
  /** Of the workload. */
  replicas: number;
  spec: Pod['spec'];
}

/**
 * How many pods are started beside those that run, at once, by workload.
 * @param claims of their volumes: what must not run twice starts none
 * @param admitted pods as the server would make them, by workload, where it was asked
 */
export function surgesOf(input: PreflightInput, admitted: Map<string, Pod>, claims: Claims): Surge[] {
  return input.views.flatMap((view) => {
    if (!isBesideKind(view) || runsAlone(view, input.platform, claims) !== undefined) return [];
    const { replicas = 1 } = view.object.spec as { replicas?: number };
    const target = input.targets.find(({ workload }) => workload.name === view.workload.name);
    const spec =
      admitted.get(workloadText(view.workload))?.spec ?? (target?.template ?? view.object.spec.template).spec;
    const pods = Math.min(input.platform.batch, replicas);
    return pods === 0 ? [] : [{ view, pods, replicas, spec }];
  });
}

/** New pods beside all old ones, and as many that are ending: more than these no plan makes. */
export function mostBeside(replicas: number): number {
  return 2 * replicas;
}

/** The quotas of the namespace, and what its limit ranges give containers. */
export interface Quotas {
  /** Those that count all pods. */
  plain: ResourceQuota[];
  /** Those that count only some, which is not followed. */
  scoped: ResourceQuota[];
  defaults: ContainerDefaults[];
}

export async function readQuotas({ cluster, namespace, signal }: PreflightInput): Promise<Quotas> {
  const [quotas, ranges] = await Promise.all([
    cluster.list<ResourceQuota>(pathOf('resourcequotas', namespace), { signal }),
    cluster.list<LimitRange>(pathOf('limitranges', namespace), { signal }),
  ]);
  const defaults = ranges.items.flatMap(({ spec }) => spec.limits.filter(({ type }) => type === 'Container'));
  const scoped = quotas.items.filter(
    ({ spec }) => spec.scopes !== undefined || spec.scopeSelector !== undefined,
  );
  return { plain: quotas.items.filter((quota) => !scoped.includes(quota)), scoped, defaults };
}

/** Whether the quotas leave room for the pods that run beside the old ones. */
export function fitsQuotas({ plain, defaults }: Quotas, surges: Surge[]): boolean {
  if (plain.length === 0) return true;
  const need = needOf(surges, defaults);
  return plain.every((quota) => shortOf(quota, need).length === 0);
}

/** The same, told. */
export function quotaFindings(quotas: Quotas, { namespace }: PreflightInput, surges: Surge[]): Finding[] {
  const { plain, scoped, defaults } = quotas;
  const found: Finding[] = [];
  const short = plain.flatMap((quota) => shortOf(quota, needOf(surges, defaults)));
  if (short.length > 0) {
    const pods = surges.reduce((sum, surge) => sum + surge.pods, 0);
    const title = `No room in the quota for ${pods} more ${pods === 1 ? 'pod' : 'pods'} beside those that run`;
    const fix = [`Raise it, or free some of it: kubectl describe resourcequota -n ${namespace}`];
    const single = surges.map((surge) => ({ ...surge, pods: 1 }));
    if (pods > surges.length && fitsQuotas(quotas, single))
      fix.unshift('Move one pod at a time: add --batch 1');
    found.push(findingOf('capacity', 'fail', title, { evidence: short, fix }));
  } else if (plain.length > 0 && surges.length > 0) {
    const evidence = plain.map(({ metadata }) => `resourcequota/${metadata.name}`);
    found.push(findingOf('capacity', 'ok', 'The quota leaves room for the pods that start', { evidence }));
  }
  if (scoped.length > 0 && surges.length > 0) {
    const evidence = scoped.map(({ metadata }) => `resourcequota/${metadata.name} counts only some pods.`);
    found.push(findingOf('capacity', 'unknown', 'Quotas with scopes: room not counted', { evidence }));
  }
  return found;
}

/** Pods of the workloads that no node takes now. */
export function unschedulableFindings(views: WorkloadView[]): Finding[] {
  const stuck = views.flatMap(({ pods }) =>
    pods.flatMap(({ metadata, status }) => {
      const condition = status.conditions?.find(({ type }) => type === 'PodScheduled');
      if (status.phase !== 'Pending' || condition?.status !== 'False') return [];
      return [`pod/${metadata.name}: ${condition.message ?? condition.reason ?? 'not scheduled'}`];
    }),
  );
  if (stuck.length === 0) return [];
  const title = `${stuck.length} ${stuck.length === 1 ? 'pod is' : 'pods are'} taken by no node now`;
  return [findingOf('capacity', 'warn', title, { evidence: stuck })];
}

/** Needs by the names that quotas have for them (Kubernetes documentation, "Resource Quotas"). */
function needOf(surges: Surge[], defaults: ContainerDefaults[]): Record<string, number> {
  const need: Record<string, number> = {};
  const add = (key: string, amount: number) => {
    need[key] = (need[key] ?? 0) + amount;
  };
  for (const { spec, pods } of surges) {
    const { requests, limits } = amountsOf(spec, defaults);
    for (const key of ['pods', 'count/pods']) add(key, pods);
    for (const [resource, amount] of Object.entries(requests)) {
      add(`requests.${resource}`, amount * pods);
      if (['cpu', 'memory', 'ephemeral-storage'].includes(resource)) add(resource, amount * pods);
    }
    for (const [resource, amount] of Object.entries(limits)) add(`limits.${resource}`, amount * pods);
  }
  return need;
}

function shortOf({ metadata, status }: ResourceQuota, need: Record<string, number>): string[] {
  return Object.entries(status?.hard ?? {}).flatMap(([key, hard]) => {
    const wanted = need[key];
    if (wanted === undefined) return [];
    const used = status?.used?.[key] ?? '0';
    // Figures in floating point: a thousandth of a core is nobody's quota.
    if (wanted <= quantityOf(hard) - quantityOf(used) + 1e-6) return [];
    return [`resourcequota/${metadata.name}: ${key} is ${used} of ${hard}, ${plain(wanted)} more is needed.`];
  });
}

function plain(amount: number): string {
  if (amount >= 2 ** 20) return `${Math.ceil(amount / 2 ** 20)}Mi`;
  return amount % 1 === 0 ? String(amount) : `${Math.round(amount * 1000)}m`;
}
