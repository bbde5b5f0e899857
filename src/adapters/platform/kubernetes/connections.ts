import type { StepContext } from '../../../engine/step.ts';
import { OUT_SINCE_ANNOTATION } from '../../../kubernetes/names.ts';
import type { Pod } from '../../../kubernetes/objects.ts';
import type { ClusterState } from './cluster-state.ts';
import { openConnections } from './open-connections.ts';
import { ownCounters } from './own-counters.ts';
import { isUnlisted } from './rotation.ts';
import type { KubernetesSettings } from './settings.ts';
import type { WorkloadName, WorkloadView } from './view.ts';

/** How one pod was drained. */
export interface Drained {
  /**
   * `connections`: its own table of connections was empty. `gauge`: its own gauge of requests at work was 0, and its count
   * of requests stood still. `counter`: that count stood still for longer than any request took. `bound`: a stated time
   * was waited. `none`: nothing sent to it.
   */
  how: 'connections' | 'gauge' | 'counter' | 'bound' | 'none';
  /** From leaving the EndpointSlices until then. */
  ms: number;
  /** Connections still open when the time was over; undefined where they can't be seen. */
  cut: number | undefined;
}

/** Tells when a pod that is out of rotation has no request in flight any more. */
export interface Connections {
  /** One look, without waiting; undefined where it is not drained, or that can't be told so soon. */
  isDrained(view: WorkloadView, pod: Pod, context: StepContext): Promise<Drained | undefined>;
  /** Waits for it, at most for the drain time. @param served whether it got requests before */
  untilDrained(pod: Pod, workload: WorkloadName, served: boolean, context: StepContext): Promise<Drained>;
}

/** How long a pod must stay quiet, ms: a request that was on its way arrives meanwhile. */
const QUIET_MS = 300;
const LOOK_MS = 100;

/** One look at a pod from inside: what is open there, or what it has answered since it started. */
type Look =
  | { how: 'connections'; open: number }
  | { how: 'gauge' | 'counter'; answered: number; longestMs: number | undefined };

/**
 * The EndpointSlices say what nodes were asked, not what they have done. So a pod counts as drained once a proxy's sync
 * period has passed and it stays quiet: by its own table of connections, or by its own count of requests. Where neither
 * can be read, after two sync periods and the longest request that is to be expected.
 */
export function podConnections(state: ClusterState, settings: KubernetesSettings): Connections {
  const connections = openConnections(state);
  const counters = ownCounters(state);
  const syncMs = settings.proxySync * 1000;
  const boundMs = settings.drainTimeout * 1000;
  const blindMs = Math.min(boundMs, 2 * syncMs + settings.longestRequest * 1000);
  /** Pods that were drained in this process, by uid. */
  const known = new Map<string, Drained>();
  /** Waits that are under way, by uid: steps that drain at one time wait for each other's pods, too. */
  const waits = new Map<string, Promise<Drained>>();

  async function look(view: WorkloadView, pod: Pod, signal: AbortSignal): Promise<Look | undefined> {
    const open = await connections(view, pod, signal);
    if (open !== undefined) return { how: 'connections', open };
    const counted = await counters(view, pod, signal);
    // Where it counts the request that asks for it, too, the gauge is never 0, and the count alone must do.
    return counted && { how: counted.inFlight === 0 ? 'gauge' : 'counter', ...counted };
  }

  /** The view is not held while a wait lasts: hundreds of pods may drain at once, and each change makes another. */
  async function lookAt(
    pod: Pod,
    workload: WorkloadName,
    { clock, signal }: StepContext,
  ): Promise<{ gone: boolean; asked: number; seen: Look | undefined }> {
    const view = await state.view(workload, signal);
    const asked = clock.monotonic();
    const gone = !view.pods.some(({ metadata }) => metadata.uid === pod.metadata.uid);
    return { gone, asked, seen: gone ? undefined : await look(view, pod, signal) };
  }

  async function wait(pod: Pod, workload: WorkloadName, context: StepContext): Promise<Drained> {
    const { clock, signal, progress } = context;
    const { name } = pod.metadata;
    const unlisted = clock.monotonic();
    let quietSince: number | undefined;
    let answered: number | undefined;
    // What a look costs the pod is spent only when it can decide; the first one has none to be compared with.
    await clock.sleep(Math.max(0, syncMs - QUIET_MS - LOOK_MS), signal);
    for (;;) {
      const { gone, asked, seen } = await lookAt(pod, workload, context);
      if (gone) return { how: 'none', ms: clock.monotonic() - unlisted, cut: undefined };
      if (!seen) {
        progress(`What ${name} answers can't be seen: waiting ${blindMs / 1000} s`);
        await clock.sleep(Math.max(0, blindMs - (asked - unlisted)), signal);
        return { how: 'bound', ms: clock.monotonic() - unlisted, cut: undefined };
      }
      if (seen.how === 'connections') {
        progress(`${seen.open} connections open on ${name}`, { inFlight: seen.open });
      }
      const busy = seen.how === 'connections' ? seen.open > 0 : seen.answered !== answered;
      if (seen.how !== 'connections') answered = seen.answered;
      quietSince = busy ? undefined : (quietSince ?? asked);
      const needed = seen.how === 'counter' ? quietFor(seen.longestMs) : QUIET_MS;
      const quiet = quietSince !== undefined && asked - quietSince >= needed;
      const ms = clock.monotonic() - unlisted;
      // A counter that stands still says nothing of connections that are open and idle.
      const open = seen.how === 'connections' ? seen.open : undefined;
      if (quiet && asked - unlisted >= syncMs) return { how: seen.how, ms, cut: open };
      if (asked - unlisted >= boundMs) {
        const cut = open === undefined ? 'what is open is' : `${open} connections are`;
        progress(`${name} is still busy after ${settings.drainTimeout} s: ${cut} cut`);
        return { how: seen.how, ms, cut: open };
      }
      await clock.sleep(LOOK_MS, signal);
    }
  }

  async function untilQuiet(
    pod: Pod,
    workload: WorkloadName,
    served: boolean,
    context: StepContext,
  ): Promise<Drained> {
    const { clock, signal } = context;
    const begun = clock.monotonic();
    let view = await state.view(workload, signal);
    if (view.services.length === 0) return { how: 'none', ms: 0, cut: 0 };
    while (!isUnlisted(view, pod)) {
      await state.change(LOOK_MS, signal);
      view = await state.view(workload, signal);
    }
    if (served) return wait(pod, workload, context);
    return { how: 'none', ms: clock.monotonic() - begun, cut: 0 };
  }

  /** Without a histogram the longest request is the configured one. */
  function quietFor(longestMs: number | undefined): number {
    return QUIET_MS + (longestMs ?? settings.longestRequest * 1000);
  }

  return {
    async isDrained(view, pod, { clock }) {
      if (view.services.length === 0) return { how: 'none', ms: 0, cut: 0 };
      const drained = known.get(pod.metadata.uid);
      if (drained) return drained;
      const since = Date.parse(pod.metadata.annotations?.[OUT_SINCE_ANNOTATION] ?? '');
      const ms = clock.now() - since;
      return isUnlisted(view, pod) && ms >= boundMs ? { how: 'bound', ms, cut: undefined } : undefined;
    },
    async untilDrained(pod, workload, served, context) {
      const { uid } = pod.metadata;
      const before = known.get(uid) ?? (await waits.get(uid)?.catch(() => undefined));
      if (before) return before;
      const waiting = untilQuiet(pod, workload, served, context);
      waits.set(uid, waiting);
      try {
        const drained = await waiting;
        known.set(uid, drained);
        return drained;
      } finally {
        waits.delete(uid);
      }
    },
  };
}
