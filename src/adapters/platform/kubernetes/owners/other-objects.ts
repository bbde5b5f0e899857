import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Finding } from '../../../../model/finding.ts';
import { findingOf, saysOf } from '../preflight/finding-of.ts';
import type { PreflightInput } from '../preflight/input.ts';
import { type HelmSecret, newestRelease } from './helm-record.ts';
import type { Autoscaler, HelmRelease, OtherObjects, ScaledObject } from './owner.ts';
import { helmReleasesOf } from './owners-of.ts';

type Looking = Pick<PreflightInput, 'cluster' | 'namespace' | 'views' | 'signal'>;

/** Reads what `ownersOf` looks at besides the workloads. What can't be read is empty, and a finding of its own. */
export async function readOthers(looking: Looking): Promise<{ others: OtherObjects; unknown: Finding[] }> {
  const unknown: Finding[] = [];
  const orEmpty = async <T>(what: string, empty: T, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      looking.signal.throwIfAborted();
      unknown.push(findingOf('ownership', 'unknown', `${what}: not known`, { evidence: [saysOf(error)] }));
      return empty;
    }
  };
  const [autoscalers, scaledObjects, helmReleases] = await Promise.all([
    orEmpty('Whether an HPA scales the workload', [], () => readAutoscalers(looking)),
    orEmpty('Whether KEDA scales the workload', [], () => readScaledObjects(looking)),
    orEmpty('The revisions of the Helm release', new Map(), () => readHelm(looking)),
  ]);
  return { others: { autoscalers, scaledObjects, helmReleases }, unknown };
}

async function readAutoscalers({ cluster, namespace, signal }: Looking): Promise<Autoscaler[]> {
  return (await cluster.list<Autoscaler>(pathOf('horizontalpodautoscalers', namespace), { signal })).items;
}

/** KEDA is asked for only where the cluster has it: a Role does not know of groups that are not there. */
async function readScaledObjects({ cluster, namespace, signal }: Looking): Promise<ScaledObject[]> {
  const { groups } = await cluster.get<{ groups: { name: string }[] }>('/apis', { signal });
  if (!groups.some(({ name }) => name === 'keda.sh')) return [];
  return (await cluster.list<ScaledObject>(pathOf('scaledobjects', namespace), { signal })).items;
}

/** Only records that are not superseded: a record may be a megabyte, and the newest is never one of those. */
async function readHelm({ cluster, views, signal }: Looking): Promise<Map<string, HelmRelease>> {
  const found = await Promise.all(
    helmReleasesOf(views).map(async ({ release, namespace }): Promise<[string, HelmRelease | undefined]> => {
      const labelSelector = `owner=helm,name=${release},status!=superseded`;
      const options = { query: { labelSelector }, signal };
      const { items } = await cluster.list<HelmSecret>(pathOf('secrets', namespace), options);
      return [`${namespace}/${release}`, newestRelease(items)];
    }),
  );
  return new Map(found.flatMap(([key, newest]) => (newest ? [[key, newest] as const] : [])));
}
