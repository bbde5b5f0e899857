import { setTimeout as wait } from 'node:timers/promises';
import { createLauncher } from './launch-instance.ts';
import type { CrashRecord, InstanceRecord } from './platform-state.ts';
import { createRestarts } from './restarts.ts';
import { refuse, type Site } from './site.ts';
import {
  adoptProcess,
  endGroup,
  endProcess,
  findSpawned,
  type ProcessEnd,
  type RunningProcess,
} from './spawn-process.ts';
import { crashError, endWords, unhealthyError } from './start-failure.ts';
import { type HealthWatch, watchHealth } from './watch-health.ts';

/** An instance that ran this long is started again at once when it crashes, ms. */
const SETTLED_MS = 60_000;
const LOOK_MS = 20;

/** The processes of the instances: started, watched, started again, ended. */
export interface Instances {
  /**
   * Resolves once it is healthy, whether it has to be started for that or runs already.
   * @throws RollbackError `INSTANCE_CRASHED`, `INSTANCE_NOT_HEALTHY` and those of the launcher
   */
  start(id: string, slot: number, release: string, secrets: Record<string, string>): Promise<void>;
  /** Ends its process and forgets it. The caller has made sure that nothing is in flight. */
  stop(id: string): Promise<void>;
  /** What its last probe said. */
  lastProbe(id: string): string | undefined;
  /** Takes over what runs, and starts again what should run and does not. */
  adopt(): Promise<void>;
  /** Ends all of them; those in rotation are remembered, to be started with the next supervisor. */
  endAll(): Promise<void>;
}

interface Live {
  process: RunningProcess;
  health: HealthWatch;
  spawnedAt: number;
}

export function createInstances(site: Site): Instances {
  const { dir, state, evidence, routing, log } = site;
  const launcher = createLauncher(site);
  const live = new Map<string, Live>();
  const launching = new Map<string, Promise<void>>();
  const ending = new Map<string, Promise<void>>();
  const restarts = createRestarts();
  let closing = false;

  /** Routes follow by themselves; where the proxy is away just then, they are on disk for when it is back. */
  function syncRoutes(): void {
    routing.sync().catch((error: Error) => log(`routes not acknowledged: ${error.message}`));
  }

  function launch(id: string): Promise<void> {
    // What is spawned from here on would be missed when all are ended.
    if (closing) return Promise.reject(refuse('ENDING', 'The supervisor is ending'));
    if (live.has(id)) return Promise.resolve();
    const running = launching.get(id) ?? spawn(id).finally(() => launching.delete(id));
    launching.set(id, running);
    return running;
  }

  async function spawn(id: string): Promise<void> {
    restarts.cancel(id);
    watch(id, await launcher.launch(id), undefined);
  }

  function watch(id: string, running: RunningProcess, known: 'ready' | 'unready' | undefined): void {
    const { port, release } = state.instance(id) as InstanceRecord;
    const spawnedAt = performance.now();
    let isFirst = known === undefined;
    const health = watchHealth(port, () => site.service, known, {
      probed: ({ ok }) => {
        if (state.instance(id)?.inRotation) evidence.probed(release, ok);
      },
      ready: () => {
        if (isFirst) evidence.started(release, performance.now() - spawnedAt);
        isFirst = false;
        void note(id, 'ready');
      },
      unready: () => void note(id, 'unready'),
    });
    live.set(id, { process: running, health, spawnedAt });
    log(`${id} runs as process ${running.pid} on port ${port}`);
    void running.ended.then((end) => onEnd(id, running, end));
  }

  async function note(id: string, seen: 'ready' | 'unready'): Promise<void> {
    try {
      await state.updateInstance(id, (draft) => {
        if (draft.state === 'stopping' || draft.state === 'crashed') return;
        draft.state = seen;
        draft.wasHealthy ||= seen === 'ready';
      });
      log(`${id} is ${seen} (${live.get(id)?.health.last()})`);
      syncRoutes();
    } catch (error) {
      log(`cannot note that ${id} is ${seen}: ${(error as Error).message}`);
    }
  }

  async function onEnd(id: string, running: RunningProcess, end: ProcessEnd): Promise<void> {
    const was = live.get(id);
    if (was?.process !== running) return;
    was.health.stop();
    live.delete(id);
    endGroup(running.pid);
    const record = state.instance(id);
    if (!record || record.state === 'stopping' || closing) return;
    log(`${id} ended unasked: ${endWords(end)}`);
    // Like its probes: what never took requests did not crash while it served.
    if (record.inRotation) evidence.crashed(record.release);
    await crashed(id, { ...end, at: new Date().toISOString() });
    if (performance.now() - was.spawnedAt > SETTLED_MS) restarts.settle(id);
    if (record.wasHealthy && !record.drain) startAgain(id);
  }

  async function crashed(id: string, crash: CrashRecord): Promise<void> {
    try {
      await state.updateInstance(id, (draft) => {
        if (draft.state === 'stopping') return;
        Object.assign(draft, { state: 'crashed', crash });
        delete draft.pid;
        delete draft.processStart;
        delete draft.pidFile;
      });
    } catch (error) {
      log(`cannot note that ${id} crashed: ${(error as Error).message}`);
    }
    syncRoutes();
  }

  function startAgain(id: string): void {
    const pause = restarts.schedule(id, async () => {
      if (closing || live.has(id) || state.instance(id)?.state !== 'crashed') return;
      try {
        await state.updateInstance(id, (draft) => {
          // Somebody may have asked for it meanwhile.
          if (draft.state !== 'crashed') return;
          draft.state = 'starting';
          draft.restarts++;
        });
        await launch(id);
      } catch (error) {
        if (closing) return;
        log(`${id} could not be started again: ${(error as Error).message}`);
        await crashed(id, { at: new Date().toISOString(), why: (error as Error).message });
        startAgain(id);
      }
    });
    log(`${id} is started again in ${pause} ms`);
  }

  async function settled(id: string): Promise<void> {
    const until = performance.now() + site.service.startTimeoutMs;
    for (;;) {
      const record = state.instance(id);
      if (!record || record.state === 'stopping') {
        throw refuse('INSTANCE_STOPPED', `${id} was stopped while it was starting`);
      }
      if (record.state === 'ready') return;
      if (record.state === 'crashed' && !record.wasHealthy) throw await crashError(dir, record);
      if (performance.now() > until) throw await unhealthyError(site, record, live.get(id)?.health.last());
      await wait(LOOK_MS);
    }
  }

  function stop(id: string): Promise<void> {
    const stopping = ending.get(id) ?? end(id).finally(() => ending.delete(id));
    ending.set(id, stopping);
    return stopping;
  }

  async function end(id: string): Promise<void> {
    await launching.get(id)?.catch(() => {});
    await state.updateInstance(id, (draft) => {
      draft.state = 'stopping';
      draft.inRotation = false;
    });
    restarts.cancel(id);
    restarts.settle(id);
    const was = live.get(id);
    was?.health.stop();
    if (was) await endProcess(was.process, site.service.stopTimeoutMs);
    const release = state.instance(id)?.release;
    await state.update((draft) => {
      draft.instances = draft.instances.filter((one) => one.id !== id);
    });
    if (release && !state.value.instances.some((one) => one.release === release)) launcher.forget(release);
    log(`${id} is stopped`);
    syncRoutes();
  }

  async function adoptOne(record: InstanceRecord): Promise<void> {
    const { id } = record;
    const found =
      record.pid && record.processStart
        ? adoptProcess(record.pid, record.processStart)
        : record.pidFile
          ? await findSpawned(record.pidFile, `INSTANCE=${id}`)
          : undefined;
    if (found) {
      await state.updateInstance(id, (draft) => {
        draft.pid = found.pid;
        draft.processStart = found.processStart;
        delete draft.pidFile;
      });
      const known = record.state === 'ready' || record.state === 'unready' ? record.state : undefined;
      watch(id, found, known);
      if (record.state === 'stopping') void stop(id).catch((error: Error) => log(`${id}: ${error.message}`));
      return;
    }
    if (record.state === 'stopping') return stop(id);
    if (record.state === 'crashed') {
      if (record.wasHealthy && !record.drain) startAgain(id);
      return;
    }
    // It ended while no supervisor watched, maybe by a reboot: why is not known, so it is no evidence against the release.
    await crashed(id, { at: new Date().toISOString(), why: 'It ended while no supervisor ran.' });
    if (record.wasHealthy && !record.drain) startAgain(id);
  }

  return {
    async start(id, slot, release, secrets) {
      launcher.giveSecrets(release, secrets);
      await ending.get(id);
      const record = state.instance(id);
      const runs = live.has(id) || launching.has(id);
      await state.update((draft) => {
        const found = draft.instances.find((one) => one.id === id);
        if (!found) {
          const fresh = { state: 'starting', wasHealthy: false, inRotation: false, restarts: 0 } as const;
          draft.instances.push({ id, slot, release, port: 0, ...fresh });
          return;
        }
        delete found.drain;
        delete found.warmUntilMs;
        if (runs) return;
        Object.assign(found, { state: 'starting', wasHealthy: false });
        delete found.crash;
      });
      if (!runs) {
        restarts.settle(id);
        log(record ? `${id} is started again, as asked` : `${id} is started`);
        try {
          await launch(id);
        } catch (error) {
          await crashed(id, { at: new Date().toISOString(), why: (error as Error).message });
          throw error;
        }
      }
      await settled(id);
    },
    stop,
    lastProbe: (id) => live.get(id)?.health.last(),
    async adopt() {
      await Promise.all(state.value.instances.map(adoptOne));
    },
    async endAll() {
      closing = true;
      restarts.cancelAll();
      await Promise.all([...launching.values()].map((one) => one.catch(() => {})));
      await Promise.all(
        [...live.values()].map(({ process: running, health }) => {
          health.stop();
          return endProcess(running, site.service.stopTimeoutMs);
        }),
      );
      await state.update((draft) => {
        draft.instances = draft.instances
          .filter((one) => one.inRotation)
          .map(({ id, slot, release, port, restarts }) => {
            const fresh = { state: 'starting', wasHealthy: true, inRotation: true } as const;
            return { id, slot, release, port, restarts, ...fresh };
          });
      });
    },
  };
}
