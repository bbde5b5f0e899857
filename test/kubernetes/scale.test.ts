import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { scaleRun } from '../../bench/kubernetes-scale-run.mjs';
import * as images from './images.ts';
import * as manifests from './manifests.ts';
import * as namespaces from './namespace.ts';
import * as rig from './rig.ts';
import * as processes from './run-process.ts';

const hasKwok = spawnSync('kwok', ['--version']).status === 0;
const ready = rig.hasCluster && hasKwok;
if (!ready) console.warn('SKIPPED: many pods. Set KUBECONFIG and REGISTRY, with kwok on PATH, to run it.');

it.runIf(process.env.CI)('kwok is there', () => {
  expect(hasKwok).toBe(true);
});

describe.skipIf(!ready)('100 pods that kwok pretends', () => {
  it('are rolled back a third at once, in at most 3 requests a pod, one watch a kind, and grouped appends', {
    timeout: 240_000,
  }, async () => {
    const pods = 100;
    const run = await scaleRun(
      { ...rig, ...images, ...namespaces, ...manifests, ...processes },
      { pods, batch: 34, limitMs: 180_000 },
    );
    // On the target; a pretended pod can't be asked for its health, so that is not confirmed.
    expect(run).toMatchObject({ exit: 5, output: expect.stringContaining('Traffic: 100/100 on v2.14.3') });
    const { byKind, watchesAtOnce } = run.counted;
    // In rotation and out of it, for the pod that leaves and for the one that comes; but the first third is not labelled
    // before it leaves, and the last one neither before it leaves nor once it has come.
    expect(byKind['PATCH pods']).toBeLessThanOrEqual(4 * pods - 34 - 3 * 33);
    const ofPods = Object.entries(byKind).filter(([kind]) => / pods(\/|$)/.test(kind));
    expect(sum(ofPods.map(([, count]) => count))).toBeLessThanOrEqual(3 * pods);
    // What does not grow with pods: rights, a journal entry where a step begins and one where it ends, watches.
    const others = Object.entries(byKind).filter(([kind]) => !/ pods(\/|$)/.test(kind));
    expect(sum(others.map(([, count]) => count))).toBeLessThanOrEqual(300);
    // HTTPRoutes are watched where the cluster has them.
    expect(
      Object.keys(watchesAtOnce)
        .filter((kind) => kind !== 'httproutes')
        .sort(),
    ).toEqual(['deployments', 'endpointslices', 'pods', 'replicasets', 'services']);
    expect(new Set(Object.values(watchesAtOnce))).toEqual(new Set([1]));
    // Of a batch together, not of each pod.
    expect(run.appends).toBeLessThanOrEqual(run.entries);
    expect(run.entries).toBeLessThan(pods / 2);
    expect(Math.max(...Object.values(run.objects))).toBeLessThan(256 * 1024);
    expect(run.peakMiB).toBeLessThan(200);
  });
});

function sum(counts: number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
