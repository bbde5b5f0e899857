import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/adapters/store/kubernetes/config-map.ts';
import { kubernetesStore } from '../../src/adapters/store/kubernetes.ts';
import type { Lease, StateStore } from '../../src/adapters/store/store.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { pathOf } from '../../src/kubernetes/resource-paths.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import { type ClusterPlace, clusterPlace, hasCluster } from './cluster-place.ts';
import { manualClock } from './manual-clock.ts';
import { ANA, BEN, planned, sampleStep, started } from './sample-run.ts';

const signal = new AbortController().signal;
const KINDS = 'rollback-deploy-auto/kind';

describe.skipIf(!hasCluster)('kubernetes store: journals and leases as objects', () => {
  let place: ClusterPlace;
  let store: StateStore;
  let lease: Lease;

  beforeEach(async () => {
    place = await clusterPlace();
    store = open();
    lease = await store.acquireLease('shop', ANA, signal);
    await store.create(lease, 'r-1', planned('r-1'));
  });
  afterEach(() => place.dispose());

  /** Another client; `changes` to what it reaches the API server by. */
  function open(changes: Partial<Cluster> = {}): StateStore {
    const { cluster, namespace } = place;
    return kubernetesStore({
      cluster: { ...cluster, ...changes },
      namespace,
      clock: manualClock(),
      holderState: () => 'gone',
    });
  }

  async function objects(kind: string): Promise<ConfigMap[]> {
    const query = { labelSelector: `${KINDS}=${kind}` };
    return (await place.cluster.list<ConfigMap>(pathOf('configmaps', place.namespace), { query })).items;
  }

  const sizes = async () =>
    [...(await objects('run')), ...(await objects('journal'))].map((each) => JSON.stringify(each).length);

  it('one request an append, however many entries', async () => {
    await store.append(lease, 'r-1', [started('a')]);
    const before = place.cluster.requests;
    await store.append(lease, 'r-1', [started('b')]);
    await store.append(lease, 'r-1', ['c', 'd', 'e'].map(started));
    expect(place.cluster.requests - before).toBe(2);
    expect(await store.read('r-1')).toHaveLength(6);
  });

  it('moves what is full into immutable objects under 256 KiB, which never change', async () => {
    const entries: JournalEntry[] = Array.from({ length: 400 }, (_, i) => ({
      ...(started(`step-${i}`) as Extract<JournalEntry, { type: 'started' }>),
      before: randomBytes(300).toString('hex'),
    }));
    for (let at = 0; at < 300; at += 20) await store.append(lease, 'r-1', entries.slice(at, at + 20));
    const early = await objects('journal');
    expect(early.length).toBeGreaterThan(2);
    expect(early.every(({ immutable }) => immutable)).toBe(true);
    // A group of more than one segment.
    await store.append(lease, 'r-1', entries.slice(300));
    const late = new Map((await objects('journal')).map((each) => [each.metadata.uid, each]));
    for (const each of early) expect(late.get(each.metadata.uid)).toEqual(each);
    expect(Math.max(...(await sizes()))).toBeLessThan(256 * 1024);
    expect(await open().read('r-1')).toEqual([planned('r-1'), ...entries].map(plain));
  });

  it('keeps an entry of 1 MB that cannot be compressed, and a plan of 1,000 pods', async () => {
    const large: JournalEntry = {
      ...(started('large') as Extract<JournalEntry, { type: 'started' }>),
      before: randomBytes(750_000).toString('base64'),
    };
    expect(JSON.stringify(large).length).toBeGreaterThan(1_000_000);
    const plan = planned('r-2', {
      steps: Array.from({ length: 5_000 }, (_, i) => sampleStep(`replace-instance:web:${i}/1000`)),
    });
    await store.create(lease, 'r-2', plan);
    await store.append(lease, 'r-1', [started('before'), large, started('after')]);
    expect(await open().read('r-1')).toEqual(
      [planned('r-1'), started('before'), large, started('after')].map(plain),
    );
    expect(await open().read('r-2')).toEqual([plain(plan)]);
    expect(Math.max(...(await sizes()))).toBeLessThan(256 * 1024);
  });

  it('a client that dies after it sealed and before the journal refers to it: the next one goes on', async () => {
    const long = (i: number) => started(`step-${'x'.repeat(200)}-${i}`);
    const entries = Array.from({ length: 150 }, (_, i) => long(i));
    await store.append(lease, 'r-1', entries);
    expect(await objects('journal')).toHaveLength(0);
    const dying = open({
      patch: (path, operations) =>
        path.includes('/configmaps')
          ? Promise.reject(new Error('dead'))
          : place.cluster.patch(path, operations),
    });
    const lots = Array.from({ length: 150 }, (_, i) => long(1000 + i));
    await expect(dying.append(lease, 'r-1', lots)).rejects.toThrow('dead');
    expect(await objects('journal')).toHaveLength(1);
    const heir = open();
    const next = await heir.acquireLease('shop', BEN, signal);
    await heir.append(next, 'r-1', [started('other')]);
    await heir.append(next, 'r-1', lots);
    expect((await open().read('r-1')).slice(1)).toEqual([...entries, started('other'), ...lots]);
    expect(await objects('journal')).toHaveLength(2);
  });

  it('a deleted segment is said by name, and so is one that was put there anew with other content', async () => {
    const entries = Array.from({ length: 600 }, (_, i) => started(`step-${'x'.repeat(60)}-${i}`));
    await store.append(lease, 'r-1', entries);
    const [segment] = (await objects('journal')) as [ConfigMap];
    const { name, labels } = segment.metadata;
    await place.cluster.delete(pathOf('configmaps', place.namespace, name));
    const unreadable = (says: string) => ({
      code: 'JOURNAL_UNREADABLE',
      detail: `ConfigMap ${place.namespace}/${name} ${says}.`,
    });
    await expect(store.read('r-1')).rejects.toMatchObject(unreadable('is missing'));
    await place.cluster.create(pathOf('configmaps', place.namespace), {
      metadata: { name, labels },
      data: { ...segment.data, '000002': segment.data?.['000003'] },
    });
    await expect(open().read('r-1')).rejects.toMatchObject(unreadable('was changed'));
    await store.create(lease, 'r-2', planned('r-2'));
    expect(await store.read('r-2')).toHaveLength(1);
  });

  it('an entry that was taken out of the open end, and a format of a later version', async () => {
    await store.append(lease, 'r-1', [started('a'), started('b')]);
    const [head] = (await objects('run')) as [ConfigMap];
    const path = pathOf('configmaps', place.namespace, head.metadata.name);
    await place.cluster.patch(path, [{ op: 'remove', path: '/data/000002' }]);
    await expect(store.read('r-1')).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
      detail: `Entry 2 is missing from ConfigMap ${head.metadata.name}.`,
    });
    await place.cluster.mergePatch(path, {
      metadata: { annotations: { 'rollback-deploy-auto/journal': '{"format":2}' } },
    });
    await expect(store.read('r-1')).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
      detail: expect.stringContaining('has format 2; this version reads format 1'),
    });
  });

  it('a run that was deleted while it went on', async () => {
    const [head] = (await objects('run')) as [ConfigMap];
    await place.cluster.delete(pathOf('configmaps', place.namespace, head.metadata.name));
    await expect(store.append(lease, 'r-1', [started('x')])).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  describe('a client that sleeps between what it checked and what it writes', () => {
    /** Its next write of the kind waits for `work`. */
    function sleeper(method: 'patch' | 'create', work: () => Promise<unknown>): StateStore {
      let slept = false;
      const wake = async (path: string) => {
        if (slept || !path.includes('/configmaps')) return;
        slept = true;
        await work();
      };
      const { cluster } = place;
      return open({
        [method]: async (path: string, body: never) => {
          await wake(path);
          return cluster[method](path, body);
        },
      });
    }

    it('is refused by the journal itself, though the one who took over has not touched that run', async () => {
      const heir = open();
      const slow = sleeper('patch', () => heir.acquireLease('shop', BEN, signal));
      await expect(slow.append(lease, 'r-1', [started('slept')])).rejects.toMatchObject({
        code: 'LEASE_LOST',
        detail: expect.stringContaining('ben@laptop'),
      });
      expect(await heir.read('r-1')).toHaveLength(1);
    });

    it('leaves no run that it creates after another took over', async () => {
      const heir = open();
      const slow = sleeper('create', () => heir.acquireLease('shop', BEN, signal));
      await expect(slow.create(lease, 'r-2', planned('r-2'))).rejects.toMatchObject({ code: 'LEASE_LOST' });
      expect(await heir.list()).toEqual(['r-1']);
    });

    it('is refused also where the one who took over died before it could fence, and a third one followed', async () => {
      const dying = open({
        patch: (path, operations) =>
          path.includes('/configmaps')
            ? Promise.reject(new Error('dead'))
            : path.includes('/leases') && JSON.stringify(operations).includes('"released\\"')
              ? Promise.reject(new Error('dead'))
              : place.cluster.patch(path, operations),
      });
      const slow = sleeper('patch', async () => {
        await expect(dying.acquireLease('shop', BEN, signal)).rejects.toThrow('dead');
        await open().acquireLease('shop', BEN, signal);
      });
      await expect(slow.append(lease, 'r-1', [started('slept')])).rejects.toMatchObject({
        code: 'LEASE_LOST',
      });
      expect((await store.lease('shop'))?.epoch).toBe(3);
    });

    it('is refused where another client has appended under the same epoch', async () => {
      const slow = sleeper('patch', () => store.append(lease, 'r-1', [started('first')]));
      await slow.read('r-1');
      await expect(slow.append(lease, 'r-1', [started('second')])).rejects.toMatchObject({
        code: 'LEASE_LOST',
        detail: expect.stringContaining('has written entry 2 of run r-1'),
      });
    });
  });

  it('a lease that was deleted: epochs go on from the journals, and its holder is shut out', async () => {
    for (let i = 0; i < 3; i++) {
      lease = await store.acquireLease('shop', ANA, signal);
      await store.append(lease, 'r-1', [started('x')]);
    }
    await place.cluster.delete(pathOf('leases', place.namespace, 'rollback-deploy-auto-shop'));
    const heir = open();
    expect(await heir.acquireLease('shop', BEN, signal)).toMatchObject({ epoch: 5 });
    await expect(store.append(lease, 'r-1', [started('late')])).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it('tells people what it knows by the fields of the Lease', async () => {
    await store.renew(lease);
    const path = pathOf('leases', place.namespace, 'rollback-deploy-auto-shop');
    expect(await place.cluster.get(path)).toMatchObject({
      spec: {
        holderIdentity: 'ana@build-7/4711',
        leaseDurationSeconds: 15,
        leaseTransitions: 1,
        renewTime: '2026-11-23T21:03:38.000000Z',
      },
    });
    await store.release(lease);
    expect((await place.cluster.get<{ spec: object }>(path)).spec).not.toHaveProperty('holderIdentity');
  });

  it('a lease of somebody else under that name is not touched', async () => {
    await place.cluster.create(pathOf('leases', place.namespace), {
      metadata: { name: 'rollback-deploy-auto-cart' },
      spec: { holderIdentity: 'x' },
    });
    await expect(store.acquireLease('cart', ANA, signal)).rejects.toMatchObject({
      code: 'STATE_UNREADABLE',
      detail: expect.stringContaining('rollback-deploy-auto-cart'),
    });
  });

  it('a document of 1 MB', async () => {
    const value = Array.from({ length: 20_000 }, (_, i) => ({ pod: `api-${i}`, seconds: i / 7 }));
    await store.put('record', 'r-1', 'small', 0);
    await store.put('record', 'r-1', value, 1);
    expect(await open().get('record', 'r-1')).toEqual({ value, version: 2 });
    await store.put('record', 'r-1', 'small again', 2);
    expect(await open().get('record', 'r-1')).toEqual({ value: 'small again', version: 3 });
  });

  it('services and runs whose names no object may have', async () => {
    const odd = await store.acquireLease('Shop_Ü/1', ANA, signal);
    await store.create(odd, 'R_1', planned('R_1'));
    await store.append(odd, 'R_1', [started('a')]);
    expect(await open().read('R_1')).toHaveLength(2);
    expect(await open().list()).toEqual(['R_1', 'r-1']);
    expect(await store.lease('Shop_Ü/1')).toMatchObject({ service: 'Shop_Ü/1', held: false });
  });
});

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}
