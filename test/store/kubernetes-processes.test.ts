import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kubernetesStore } from '../../src/adapters/store/kubernetes.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import { type ClusterPlace, clusterPlace, hasCluster } from './cluster-place.ts';
import { judgeEntries } from './judge-entries.ts';
import { runWorker, type Worker } from './worker-process.ts';

describe.skipIf(!hasCluster)('kubernetes store: several processes', () => {
  let place: ClusterPlace;
  beforeEach(async () => {
    place = await clusterPlace();
  });
  afterEach(() => place.dispose());

  const start = (mode: 'append' | 'hold' | 'count', count: number, killAfter?: number) =>
    runWorker({ mode, in: 'cluster', path: place.namespace, count }, killAfter);
  const open = () =>
    kubernetesStore({ cluster: place.cluster, namespace: place.namespace, clock: systemClock });
  const judge = async (workers: Worker[]) => judgeEntries(await open().read('r-1'), workers);

  it('two race for the lease again and again: no entry lost or double, every epoch once', async () => {
    const workers = [start('append', 12), start('append', 12)];
    await Promise.all(workers.map((worker) => worker.ended));
    const { names, epochs } = await judge(workers);
    expect(names).toHaveLength(24);
    expect(epochs).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    expect(workers.flatMap((worker) => worker.told).sort()).toEqual([...names].sort());
  });

  it('one is killed in the middle, the other goes on at once, and nothing that was told is lost', async () => {
    const doomed = [start('append', 1000, 1), start('append', 1000, 4)];
    const other = start('append', 8);
    await Promise.all([...doomed, other].map((worker) => worker.ended));
    await judge([...doomed, other]);
    expect(other.told).toHaveLength(8);
  });

  it('one run is taken over from each that is killed', async () => {
    const workers: Worker[] = [];
    for (const killAfter of [3, 1, 7]) {
      const worker = start('hold', 1000, killAfter);
      await worker.ended;
      workers.push(worker);
    }
    expect((await judge(workers)).epochs).toEqual([1, 2, 3]);
  });

  it('four raise one number: no change lost', async () => {
    const workers = Array.from({ length: 4 }, () => start('count', 6));
    await Promise.all(workers.map((worker) => worker.ended));
    expect((await open().get('counter', 'c'))?.value).toBe(24);
  });
});
