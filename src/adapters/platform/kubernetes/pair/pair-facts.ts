import { configReferences } from '../../../../kubernetes/config-references.ts';
import type { PodTemplate } from '../../../../kubernetes/objects.ts';
import { type Instance, NO_END, type PlatformFacts } from '../../../../model/facts.ts';
import type { Release } from '../../../../model/release.ts';
import { isCopyName } from '../configuration/copies.ts';
import { instanceOf } from '../facts.ts';
import type { OwnFacts, OwnPair } from '../own-facts.ts';
import { sameTemplate } from '../read-view.ts';
import { desiredOf, releaseOf } from '../release-of.ts';
import { restoredRevisionId } from '../restored-revision.ts';
import { alivePods } from '../rotation.ts';
import { type Revision, type WorkloadView, workloadText } from '../view.ts';
import { type Pair, uncolored } from './find-pair.ts';
import { warmUntilOf } from './warm-until.ts';

/**
 * A pair as one service: its releases are those of both, one that both had counts once. What the idle one runs is kept
 * warm by definition: it gets no traffic and is no surplus. Release ids stay the same when traffic goes over. Pure.
 */
export function pairFacts(facts: PlatformFacts, pair: Pair, main: string, nowMs: number): PlatformFacts {
  const sides = [pair.live, pair.idle].sort(
    (a, b) => Number(b.workload.name === main) - Number(a.workload.name === main),
  );
  const releases: Release[] = [];
  const own: OwnPair = {
    key: pair.key,
    live: workloadText(pair.live.workload),
    idle: workloadText(pair.idle.workload),
    values: byWorkload(sides, ({ workload }) => pair.values[workload.name] as string),
    replicas: byWorkload(sides, desiredOf),
    releases: {},
  };
  const all = sides.flatMap((view) => view.revisions.map((revision) => ({ view, revision })));
  // The first one ever made names a release, whoever makes it again.
  all.sort((a, b) => a.revision.createdAt.localeCompare(b.revision.createdAt));
  for (const { view, revision } of all) {
    const template = uncolored(revision.template, pair.key);
    const known = Object.entries(own.releases).find(([, release]) =>
      sameTemplate(release.template, template),
    );
    const id = known?.[0] ?? idOf(view, revision, main, template);
    const release = known?.[1] ?? { template, revisions: {}, alive: [], isLive: false };
    own.releases[id] = release;
    const name = workloadText(view.workload);
    release.revisions[name] = revision.id;
    const alive = alivePods(view, revision.id).length > 0;
    if (alive) release.alive.push(name);
    if (name === own.live && revision.id === view.current) release.isLive = true;
    const seen = { ...releaseOf(view, revision, undefined, nowMs), id };
    if (!known) releases.unshift(seen);
    // Running pods tell more than the one that had it first, but for when that was.
    else if (alive) {
      const at = releases.findIndex((one) => one.id === id);
      releases[at] = { ...seen, deployedAt: releases[at]?.deployedAt ?? seen.deployedAt };
    }
  }
  const current = Object.entries(own.releases).find(([, { isLive }]) => isLive)?.[0];
  const kept: OwnFacts = {
    workloads: sides.map((view) => ({
      workload: workloadText(view.workload),
      replicas: desiredOf(view),
      current: view.current,
      revisions: {},
      hasServices: true,
      mode: 'surge',
      marked: false,
    })),
    pair: own,
  };
  return {
    ...facts,
    current,
    canary: undefined,
    releases,
    instances: sides.flatMap((view) => instancesOf(view, own)),
    desired: desiredOf(pair.live),
    surge: true,
    own: kept,
  };
}

function instancesOf(view: WorkloadView, { live, releases }: OwnPair): Instance[] {
  const name = workloadText(view.workload);
  const ids = new Map(Object.entries(releases).map(([id, { revisions }]) => [revisions[name] ?? '', id]));
  const ordered = [...view.revisions].sort(
    (a, b) => Number(b.id === view.current) - Number(a.id === view.current),
  );
  const pods = ordered.flatMap(({ id }) => alivePods(view, id));
  const warmUntil = warmUntilOf(view.object) ?? NO_END;
  return pods.map((pod, i) => ({
    ...instanceOf(view, pod, i + 1, ids),
    ...(name === live ? {} : { warmUntil }),
  }));
}

/** What a run gave its old configuration back is known by its content, which the plan names before it is there. */
function idOf({ workload }: WorkloadView, { id }: Revision, main: string, template: PodTemplate): string {
  const { configMaps, secrets } = configReferences(template);
  if ([...configMaps, ...secrets].some(({ name }) => isCopyName(name))) return restoredRevisionId(template);
  return workload.name === main ? id : `${workload.name}:${id}`;
}

function byWorkload<T>(views: WorkloadView[], of: (view: WorkloadView) => T): Record<string, T> {
  return Object.fromEntries(views.map((view) => [workloadText(view.workload), of(view)]));
}
