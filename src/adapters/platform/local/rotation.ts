import type { Instances } from './instances.ts';
import type { InstanceRecord } from './platform-state.ts';
import type { ProxyState } from './proxy-api.ts';
import { refuse, type Site } from './site.ts';

const WARM_LOOK_MS = 500;

/** Who gets requests. Each change resolves once the proxy has acknowledged it. */
export interface Rotation {
  /** @throws RollbackError `INSTANCE_UNKNOWN`, `NOT_READY` */
  admit(id: string): Promise<void>;
  /** @throws RollbackError `INSTANCE_UNKNOWN`, `LAST_SERVING` */
  drain(id: string): Promise<void>;
  /** All of `ids` in rotation, all others out, in one change. @throws RollbackError `INSTANCE_UNKNOWN`, `NOT_READY` */
  switchTo(ids: string[]): Promise<void>;
  /** @throws RollbackError `INSTANCE_UNKNOWN`, `STILL_IN_ROTATION` */
  keepWarm(id: string, untilMs: number): Promise<void>;
  /**
   * Ends a drained instance; one that is not there is ended already.
   * @throws RollbackError `STILL_IN_ROTATION`, and `STILL_IN_FLIGHT` unless `force` comes after the drain time
   */
  stop(id: string, force: boolean): Promise<void>;
  /** No more looking after those kept warm. */
  close(): void;
}

export function createRotation(site: Site, instances: Instances): Rotation {
  const { state, routing, proxy, log } = site;
  const coolers = new Set<string>();
  const timer = setInterval(cool, WARM_LOOK_MS);

  function known(id: string): InstanceRecord {
    const record = state.instance(id);
    if (!record) throw refuse('INSTANCE_UNKNOWN', `There is no instance ${id}`);
    return record;
  }

  function ready(id: string): void {
    const { state: doing } = known(id);
    if (doing === 'ready') return;
    throw refuse('NOT_READY', `${id} is ${doing}, so it gets no requests yet`, {
      retriable: doing !== 'stopping',
    });
  }

  function inFlightOf(seen: ProxyState, id: string): number {
    return seen.backends.find((backend) => backend.id === id)?.inFlight ?? 0;
  }

  /** Notes, once the proxy sends nothing new to them, what they still have to answer. */
  async function beginDrain(ids: string[], sinceMs: number): Promise<void> {
    const seen = await proxy.state();
    await state.update((draft) => {
      for (const found of draft.instances.filter((one) => ids.includes(one.id) && !one.inRotation)) {
        const inFlight = inFlightOf(seen, found.id);
        const drained = inFlight === 0 ? { drainedMs: Date.now() - sinceMs } : {};
        found.drain = { sinceMs, inFlightAtStart: inFlight, maxInFlight: inFlight, ...drained };
      }
    });
  }

  function cool(): void {
    for (const { id, warmUntilMs } of state.value.instances) {
      if (warmUntilMs === undefined || warmUntilMs > Date.now() || coolers.has(id)) continue;
      coolers.add(id);
      stop(id, true)
        .catch((error: Error) => log(`${id} is not kept warm any more, but: ${error.message}`))
        .finally(() => coolers.delete(id));
    }
  }

  async function stop(id: string, force: boolean): Promise<void> {
    const record = state.instance(id);
    if (!record) return;
    if (record.inRotation) {
      throw refuse('STILL_IN_ROTATION', `${id} is in rotation`, { detail: 'Drain it before it is stopped.' });
    }
    if (record.pid !== undefined && record.state !== 'stopping') {
      await routing.sync();
      const inFlight = inFlightOf(await proxy.state(), id);
      const boundMs = (record.drain?.sinceMs ?? 0) + site.service.drainTimeoutMs;
      if (inFlight > 0 && !(force && Date.now() >= boundMs)) {
        throw refuse('STILL_IN_FLIGHT', `${id} still answers ${inFlight} requests`, {
          detail: `It may be cut off from ${new Date(boundMs).toISOString()} on.`,
          retriable: true,
        });
      }
      if (inFlight > 0) log(`${id} is stopped with ${inFlight} in flight: the drain time is over`);
    }
    await instances.stop(id);
  }

  return {
    async admit(id) {
      ready(id);
      await state.updateInstance(id, (draft) => {
        draft.inRotation = true;
        delete draft.drain;
        delete draft.warmUntilMs;
      });
      await routing.sync();
    },
    async drain(id) {
      const record = known(id);
      const sinceMs = record.drain?.sinceMs ?? Date.now();
      let refused = false;
      await state.update((draft) => {
        const found = draft.instances.find((one) => one.id === id);
        const left = draft.instances.some((one) => one.id !== id && one.inRotation && one.state === 'ready');
        refused = found?.inRotation === true && !left;
        if (refused || !found) return;
        found.inRotation = false;
        found.drain ??= { sinceMs, inFlightAtStart: 0, maxInFlight: 0 };
      });
      if (refused) {
        throw refuse('LAST_SERVING', `${id} is the last instance that serves`, {
          detail: 'Without it nothing would answer requests.',
          fix: 'Start another one and admit it first.',
        });
      }
      await routing.sync();
      // Asked again, the first count stands.
      if (record.inRotation || !record.drain) await beginDrain([id], sinceMs);
    },
    async switchTo(ids) {
      for (const id of ids) ready(id);
      if (ids.length === 0) throw refuse('LAST_SERVING', 'A switch to no instance at all');
      const sinceMs = Date.now();
      let out: string[] = [];
      await state.update((draft) => {
        const left = draft.instances.filter((one) => one.inRotation && !ids.includes(one.id));
        for (const one of left) Object.assign(one, { inRotation: false });
        for (const one of left) one.drain = { sinceMs, inFlightAtStart: 0, maxInFlight: 0 };
        out = left.map((one) => one.id);
        for (const one of draft.instances.filter((each) => ids.includes(each.id))) {
          one.inRotation = true;
          delete one.drain;
          delete one.warmUntilMs;
        }
      });
      await routing.sync();
      if (out.length > 0) await beginDrain(out, sinceMs);
    },
    async keepWarm(id, untilMs) {
      if (known(id).inRotation) throw refuse('STILL_IN_ROTATION', `${id} is in rotation`);
      await state.updateInstance(id, (draft) => {
        draft.warmUntilMs = untilMs;
      });
    },
    stop,
    close: () => clearInterval(timer),
  };
}
