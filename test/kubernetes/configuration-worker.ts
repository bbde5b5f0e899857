import { readFile } from 'node:fs/promises';
import { takeSnapshot } from '../../src/adapters/platform/kubernetes/configuration/take-snapshot.ts';
import type { WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';
import { fileStore } from '../../src/adapters/store/file.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import { connect } from '../../src/kubernetes/connect.ts';

/** Takes a snapshot and dies at one of its writes; JSON in the first argument. */
export interface ConfigurationWorkerTask {
  namespace: string;
  /** File with the view as JSON. */
  view: string;
  store: string;
  /** Which write, from 1. */
  killAt: number;
  /** The write has taken effect when it dies. */
  after: boolean;
}

const task = JSON.parse(process.argv[2] as string) as ConfigurationWorkerTask;
let writes = 0;

/** Dies before or after a write. */
async function counted<T>(write: () => Promise<T>): Promise<T> {
  const fatal = ++writes === task.killAt;
  if (fatal && !task.after) process.kill(process.pid, 'SIGKILL');
  const result = await write();
  if (fatal) process.kill(process.pid, 'SIGKILL');
  return result;
}

const cluster = await connect();
const { create } = cluster;
cluster.create = (...args) => counted(() => create(...args)) as never;
const store = fileStore({ path: task.store, clock: systemClock });
const { put } = store;
store.put = (...args) => counted(() => put(...args));

await takeSnapshot({
  cluster,
  store,
  namespace: task.namespace,
  service: 'shop',
  view: JSON.parse(await readFile(task.view, 'utf8')) as WorkloadView,
  copySecrets: ['db'],
  clock: systemClock,
  signal: new AbortController().signal,
});
