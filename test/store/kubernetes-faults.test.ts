import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kubernetesStore } from '../../src/adapters/store/kubernetes.ts';
import type { Lease, StateStore } from '../../src/adapters/store/store.ts';
import { createJournal } from '../../src/engine/journal.ts';
import { runState } from '../../src/model/run-state.ts';
import { type ClusterPlace, clusterPlace, hasCluster } from './cluster-place.ts';
import { type Fault, type FaultProxy, faultProxy } from './fault-proxy.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';
import { ANA, BEN, planned, started } from './sample-run.ts';

const signal = new AbortController().signal;

const FAULTS: [string, (Fault | undefined)[]][] = [
  ['409', [{ answer: 409 }]],
  ['409 twice', [{ answer: 409 }, { answer: 409 }]],
  ['429', [{ answer: 429 }]],
  ['500', [{ answer: 500 }]],
  ['no answer', [{ answer: 'cut' }]],
  ['500 though it was written', [{ answer: 500, when: 'after' }]],
  ['no answer though it was written', [{ answer: 'cut', when: 'after' }]],
  [
    'one after the other',
    [{ answer: 'cut' }, { answer: 409 }, { answer: 500 }, { answer: 'cut', when: 'after' }],
  ],
];

describe.skipIf(!hasCluster)('kubernetes store: an API server that does not always answer', () => {
  let place: ClusterPlace;
  let proxy: FaultProxy;
  let clock: ManualClock;
  let store: StateStore;
  let direct: StateStore;

  beforeEach(async () => {
    place = await clusterPlace();
    proxy = await faultProxy();
    clock = manualClock();
    const { namespace } = place;
    const holderState = () => 'elsewhere' as const;
    store = kubernetesStore({ cluster: proxy.cluster, namespace, clock, holderState });
    direct = kubernetesStore({ cluster: place.cluster, namespace, clock: manualClock(), holderState });
  });
  afterEach(async () => {
    await proxy.close();
    await place.dispose();
  });

  async function openRun(): Promise<Lease> {
    const lease = await store.acquireLease('shop', ANA, signal);
    await store.create(lease, 'r-1', planned('r-1'));
    return lease;
  }

  it.each(FAULTS)('the journal has every entry once: %s', async (_, faults) => {
    const lease = await openRun();
    const state = runState(await store.read('r-1'));
    const journal = createJournal({ store, lease, state, clock, emit: () => {} });
    const append = (step: string) => journal.append({ type: 'started', step, before: null });
    await append('first');
    proxy.faults = [...faults];
    await Promise.all(['a', 'b', 'c'].map(append));
    expect(proxy.met).toBe(faults.length);
    await append('last');
    const steps = (await direct.read('r-1')).flatMap((entry) => ('step' in entry ? [entry.step] : []));
    expect(steps).toEqual(['first', 'a', 'b', 'c', 'last']);
  });

  it.each(FAULTS)('a segment is sealed once: %s', async (_, faults) => {
    const lease = await openRun();
    const state = runState(await store.read('r-1'));
    const journal = createJournal({ store, lease, state, clock, emit: () => {} });
    const names = Array.from({ length: 400 }, (__, i) => `${'x'.repeat(100)}-${i}`);
    proxy.faults = [...faults];
    await Promise.all(names.map((step) => journal.append({ type: 'started', step, before: null })));
    expect(proxy.met).toBe(faults.length);
    expect((await direct.read('r-1')).slice(1)).toMatchObject(names.map((step) => ({ step })));
  });

  it.each(FAULTS)('the lease is taken, renewed and let go: %s', async (_, faults) => {
    proxy.faults = [...faults];
    const lease = await store.acquireLease('shop', ANA, signal);
    expect(lease.epoch).toBe(1);
    expect(await direct.lease('shop')).toMatchObject({ epoch: 1, held: true, holder: ANA });
    proxy.faults = [...faults];
    await store.renew(lease);
    proxy.faults = [...faults];
    await store.release(lease);
    expect(proxy.met).toBe(3 * faults.length);
    expect(await direct.lease('shop')).toMatchObject({ epoch: 1, held: false });
  });

  it.each(FAULTS)('a run is created: %s', async (_, faults) => {
    const lease = await store.acquireLease('shop', ANA, signal);
    proxy.matches = (method, path) => method === 'POST' && path.includes('/configmaps');
    proxy.faults = [...faults];
    // Where the answer was lost, what it meets next is that the run is there.
    await store.create(lease, 'r-1', planned('r-1'));
    expect(proxy.met).toBeGreaterThan(0);
    await expect(direct.create(lease, 'r-1', planned('r-1'))).rejects.toMatchObject({ code: 'RUN_EXISTS' });
    await store.append(lease, 'r-1', [started('a')]);
    expect(await direct.read('r-1')).toHaveLength(2);
  });

  it('a lost answer to an append is no proof against another holder: the client that took over is told apart', async () => {
    const lease = await openRun();
    await store.append(lease, 'r-1', [started('a')]);
    const heir = await direct.acquireLease('shop', BEN, signal);
    proxy.faults = [{ answer: 500 }];
    await expect(store.append(lease, 'r-1', [started('b')])).rejects.toMatchObject({ retriable: true });
    await direct.append(heir, 'r-1', [started('c')]);
    await expect(store.append(lease, 'r-1', [started('b')])).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(await direct.read('r-1')).toHaveLength(3);
  });

  it('an API server that stays away: retriable errors as they are, and nothing is believed to be written', async () => {
    const lease = await openRun();
    proxy.matches = () => true;
    proxy.faults = Array.from({ length: 200 }, () => ({ answer: 'cut' }) as const);
    await expect(store.append(lease, 'r-1', [started('a')])).rejects.toMatchObject({
      code: 'KUBERNETES_UNREACHABLE',
      retriable: true,
    });
    await expect(store.renew(lease)).rejects.toMatchObject({ retriable: true });
    proxy.faults = [];
    await store.renew(lease);
    await store.append(lease, 'r-1', [started('b')]);
    expect((await direct.read('r-1')).slice(1)).toEqual([started('b')]);
  });

  it('a missing right is named, with the way to get it', async () => {
    const lease = await openRun();
    proxy.as = 'nobody-in-particular';
    const refused = (verb: string, resource: string) => ({
      code: 'KUBERNETES_FORBIDDEN',
      retriable: false,
      detail: expect.stringMatching(
        new RegExp(`cannot ${verb} resource "${resource}" .*"${place.namespace}"`),
      ),
      fix: expect.stringContaining('rollback-deploy-auto init --rbac'),
    });
    const append = store.append(lease, 'r-1', [started('a')]);
    await expect(append).rejects.toMatchObject(refused('patch', 'configmaps'));
    await expect(store.read('r-1')).rejects.toMatchObject(refused('get', 'configmaps'));
    await expect(store.list()).rejects.toMatchObject(refused('list', 'configmaps'));
    await expect(store.put('record', 'r-1', 1, 0)).rejects.toMatchObject(refused('create', 'configmaps'));
    await expect(store.renew(lease)).rejects.toMatchObject(refused('patch', 'leases'));
    await expect(store.acquireLease('shop', BEN, signal)).rejects.toMatchObject(refused('get', 'leases'));
  });
});
