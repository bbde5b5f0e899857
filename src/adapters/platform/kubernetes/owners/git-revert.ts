import type { Cluster } from '../../../../kubernetes/cluster.ts';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import { redact } from '../../../../model/error.ts';
import type { ReconcilerName } from './owner.ts';
import type { Application, FluxObject } from './reconciler-object.ts';

export interface GitSource {
  url: string;
  branch: string;
  path: string;
  /** Commit that is applied now. */
  commit: string | undefined;
  /** Commit that was applied before; undefined where the object does not say. */
  before: string | undefined;
}

const COMMIT = /[0-9a-f]{40}/;

/** The revert as commands for a person, from what the reconciler says of its source. */
export async function gitRevert(
  cluster: Cluster,
  kind: ReconcilerName['kind'],
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<string[]> {
  const source = await sourceOf(cluster, kind, object, signal);
  if (!source?.commit) {
    return [
      'Revert the change that brought the newer release in the repository it is reconciled from, and push it.',
    ];
  }
  const { url, branch, path, commit, before } = source;
  const enter = `git clone --branch ${word(branch)} ${word(redact(url))} revert && cd revert`;
  const push = `git push origin ${word(branch)}`;
  if (before === undefined) {
    return [
      `If commit ${commit.slice(0, 12)} brought the newer release: ${enter} && git revert --no-edit ${commit} && ${push}`,
      'Otherwise revert the commit that did, then push; the reconciler carries it out.',
    ];
  }
  const title = `Revert ${path} to ${before.slice(0, 12)}`;
  return [
    `${enter} && git checkout ${before} -- ${word(path)} && git commit -m ${word(title)} && ${push}`,
    `That is what was applied before ${commit.slice(0, 12)}; the reconciler carries it out.`,
  ];
}

/** undefined where it is not applied from a git repository. @throws ApiError */
export async function sourceOf(
  cluster: Cluster,
  kind: ReconcilerName['kind'],
  object: KubernetesObject,
  signal: AbortSignal,
): Promise<GitSource | undefined> {
  if (kind === 'argo-cd') return sourceOfApplication(object as Application);
  return sourceOfFlux(cluster, object as FluxObject, signal);
}

function sourceOfApplication({ spec, status }: Application): GitSource | undefined {
  if (!spec.source) return undefined;
  const commit = status?.sync?.revision;
  const before = status?.history
    ?.map(({ revision }) => revision)
    .filter((revision) => revision !== undefined && revision !== commit)
    .at(-1);
  const { repoURL: url, path = '.', targetRevision = 'HEAD' } = spec.source;
  return { url, path, commit, before, branch: targetRevision === 'HEAD' ? 'main' : targetRevision };
}

/** Revisions are `BRANCH@sha1:COMMIT`. A HelmRelease has no git revision of its own. */
async function sourceOfFlux(
  cluster: Cluster,
  { metadata, spec, status }: FluxObject,
  signal: AbortSignal,
): Promise<GitSource | undefined> {
  const { sourceRef, path = '.' } = spec;
  if (sourceRef?.kind !== 'GitRepository') return undefined;
  const group = await cluster.get<{ preferredVersion: { groupVersion: string } }>(
    '/apis/source.toolkit.fluxcd.io',
    { signal },
  );
  const namespace = sourceRef.namespace ?? metadata.namespace ?? 'default';
  const repository = await cluster.get<{ spec: { url: string; ref?: { branch?: string } } }>(
    `/apis/${group.preferredVersion.groupVersion}/namespaces/${namespace}/gitrepositories/${sourceRef.name}`,
    { signal },
  );
  const commit = COMMIT.exec(status?.lastAppliedRevision ?? '')?.[0];
  const { url, ref } = repository.spec;
  return { url, path, commit, before: undefined, branch: ref?.branch ?? 'master' };
}

/** A word of a shell. */
function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
