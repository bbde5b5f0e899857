import { setTimeout as wait } from 'node:timers/promises';
import type { InstanceState } from '../../../model/facts.ts';
import type { Release } from '../../../model/release.ts';
import type { Instances } from './instances.ts';
import type { InstanceRecord } from './platform-state.ts';
import { processStart } from './process-identity.ts';
import type { ProxyState } from './proxy-api.ts';
import type { Site } from './site.ts';
import type { InstanceView, SupervisorFacts, SupervisorState } from './supervisor-api.ts';
import type { WatchedProxy } from './watched-proxy.ts';

/** How long an answer waits for a proxy that is being started again, ms. */
const PROXY_WAIT_MS = 3_000;

/** What the supervisor tells of itself. */
export interface SupervisorView {
  state(): Promise<SupervisorState>;
  facts(): Promise<SupervisorFacts>;
}

export function supervisorView(site: Site, instances: Instances, watched: WatchedProxy): SupervisorView {
  const { state, routing, evidence, releases } = site;
  const most = new Map<string, number>();
  const start = processStart(process.pid) as string;

  async function proxyState(): Promise<ProxyState | undefined> {
    const until = performance.now() + PROXY_WAIT_MS;
    for (;;) {
      const seen = await site.proxy.state(AbortSignal.timeout(1_000)).catch(() => undefined);
      if (seen && seen.version >= routing.version()) return seen;
      if (performance.now() > until) return undefined;
      await wait(50);
    }
  }

  /** Keeps what was seen of a drain, for whoever asks later. */
  async function noteDrain(record: InstanceRecord, inFlight: number): Promise<void> {
    const { id, drain } = record;
    if (!drain || drain.drainedMs !== undefined) return;
    const maxInFlight = Math.max(drain.maxInFlight, most.get(id) ?? 0, inFlight);
    most.set(id, maxInFlight);
    if (inFlight > 0) return;
    most.delete(id);
    await state.updateInstance(id, (draft) => {
      if (draft.drain && draft.drain.drainedMs === undefined && !draft.inRotation) {
        draft.drain.maxInFlight = maxInFlight;
        draft.drain.drainedMs = Date.now() - draft.drain.sinceMs;
      }
    });
  }

  function view(record: InstanceRecord, inFlight: number): InstanceView {
    const { id, slot, release, port, pid, restarts, inRotation, drain, warmUntilMs } = record;
    return {
      id,
      slot,
      release,
      state: stateOf(record, inFlight),
      inRotation,
      inFlight,
      port,
      pid,
      restarts,
      drain: drain && { ...drain, maxInFlight: Math.max(drain.maxInFlight, most.get(id) ?? 0) },
      warmUntilMs,
      lastProbe: instances.lastProbe(id),
    };
  }

  async function read(): Promise<SupervisorState> {
    const seen = await proxyState();
    const inFlightOf = (id: string) => seen?.backends.find((one) => one.id === id)?.inFlight ?? 0;
    if (seen) await Promise.all(state.value.instances.map((one) => noteDrain(one, inFlightOf(one.id))));
    const { current, canary, epoch } = state.value;
    return {
      service: site.service.service,
      pid: process.pid,
      processStart: start,
      current,
      canary,
      desired: site.service.desired,
      epoch,
      releases: state.value.releases,
      nextRelease: `r${state.value.lastRelease + 1}`,
      instances: state.value.instances.map((one) => view(one, inFlightOf(one.id))),
      proxy: seen && {
        pid: seen.pid,
        host: seen.host,
        port: seen.port,
        noBackend: seen.noBackend,
        lost: seen.lost,
      },
      problems: [...problems(state.value.instances), ...watched.problems(), ...diskProblem(seen)],
    };
  }

  return {
    state: read,
    async facts() {
      await evidence.flush();
      const records = await Promise.all(state.value.releases.map((id) => releases.read(id)));
      const known: Release[] = records.map((one) => ({ ...one, evidence: evidence.of(one.id) }));
      return { state: await read(), releases: known.reverse() };
    },
  };
}

function stateOf(record: InstanceRecord, inFlight: number): InstanceState | 'stopping' {
  const { state, drain, inRotation } = record;
  if (inRotation || !drain || state === 'crashed' || state === 'stopping') return state;
  return inFlight > 0 ? 'draining' : 'drained';
}

function problems(instances: InstanceRecord[]): string[] {
  return instances
    .filter((one) => one.state === 'crashed')
    .map(({ id, crash }) => `${id} crashed: ${crash?.why ?? crash?.signal ?? `exit code ${crash?.code}`}`);
}

function diskProblem(seen: ProxyState | undefined): string[] {
  return seen?.diskProblem ? [`The proxy cannot write ${seen.diskProblem}`] : [];
}
