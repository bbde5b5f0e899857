import { fileStore } from '../../src/adapters/store/file.ts';
import { kubernetesStore } from '../../src/adapters/store/kubernetes.ts';
import type { Lease, StateStore } from '../../src/adapters/store/store.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import { thisHolder } from '../../src/holder.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import { RollbackError } from '../../src/model/error.ts';
import { planned, started } from './sample-run.ts';

/** What a worker process is asked for, as JSON in its first argument. */
export interface WorkerTask {
  /** The state folder; or, for the cluster of `KUBECONFIG`, a namespace. */
  path: string;
  in?: 'folder' | 'cluster';
  /**
   * `append`: so many times take the lease, append `leased` and an entry to run r-1, let it go.
   * `hold`: take the lease once and append so many entries. `count`: raise a document's number so many times.
   */
  mode: 'append' | 'hold' | 'count';
  count: number;
}

const { path, in: where, mode, count } = JSON.parse(process.argv[2] as string) as WorkerTask;
const store: StateStore =
  where === 'cluster'
    ? kubernetesStore({ cluster: await connect(), namespace: path, clock: systemClock })
    : fileStore({ path, clock: systemClock });
const holder = thisHolder();
const never = new AbortController().signal;

if (mode === 'append') {
  for (let i = 0; i < count; i++) {
    const lease = await insist(() => store.acquireLease('shop', holder, never), 'LEASE_HELD');
    await takeRun(store, lease);
    await tell(lease, i);
    await store.release(lease);
  }
} else if (mode === 'hold') {
  const lease = await store.acquireLease('shop', holder, never);
  await takeRun(store, lease);
  for (let i = 0; i < count; i++) await tell(lease, i);
  await store.release(lease);
} else {
  for (let i = 0; i < count; i++) {
    await insist(async () => {
      const read = await store.get<number>('counter', 'c');
      await store.put('counter', 'c', (read?.value ?? 0) + 1, read?.version ?? 0);
    }, 'DOCUMENT_CHANGED');
  }
}

async function takeRun(client: StateStore, lease: Lease): Promise<void> {
  if ((await client.list()).includes('r-1')) await client.read('r-1');
  else await client.create(lease, 'r-1', planned('r-1'));
  const at = new Date(systemClock.now()).toISOString();
  await client.append(lease, 'r-1', [{ type: 'leased', at, epoch: lease.epoch, holder, purpose: 'run' }]);
}

/** Appends, and only once it is durable says so on stdout. */
async function tell(lease: Lease, i: number): Promise<void> {
  const name = `${process.pid}-${i}`;
  await store.append(lease, 'r-1', [started(name)]);
  process.stdout.write(`${name}\n`);
}

async function insist<T>(work: () => Promise<T>, code: string): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RollbackError) || error.code !== code) throw error;
      await systemClock.sleep(Math.random() * 10);
    }
  }
}
