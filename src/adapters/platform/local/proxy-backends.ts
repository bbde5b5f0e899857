import type { InFlightSlots } from './in-flight-slots.ts';
import type { Backend, BackendState, Routes } from './proxy-api.ts';
import { sameRoutes } from './proxy-routes.ts';

/** How long a backend that refused a connection is chosen only where there is no other. */
const SHUNNED_MS = 1_000;

/** One backend and what it is answering. */
export interface BackendEntry {
  backend: Backend;
  inFlight: number;
  upgraded: number;
  total: number;
  errors: number;
  slot: number;
  /** Monotonic ms until which others are preferred. */
  shunnedUntil: number;
}

/** Who may be sent what, and who is answering what. */
export interface Backends {
  /** @returns why the routes are refused; undefined where they are in force now */
  apply(routes: Routes): string | undefined;
  version(): number;
  /**
   * The one to send a request to: in rotation and ready, with the least in flight, in turn where several have.
   * Where none is ready, those in rotation; undefined where none is.
   * @param tried those that failed this request already
   */
  choose(tried: ReadonlySet<BackendEntry>): BackendEntry | undefined;
  begin(entry: BackendEntry): void;
  /** Once for each `begin`. */
  end(entry: BackendEntry): void;
  shun(entry: BackendEntry): void;
  state(): BackendState[];
  inFlight(): number;
}

/** @param monotonic ms that never go back */
export function openBackends(slots: InFlightSlots, monotonic: () => number): Backends {
  let routes: Routes = { version: 0, backends: [] };
  const entries = new Map<string, BackendEntry>();
  let turn = 0;

  function apply(next: Routes): string | undefined {
    if (next.version < routes.version)
      return `Version ${routes.version} is in force, ${next.version} is older`;
    if (next.version === routes.version && !sameRoutes(routes, next)) {
      return `Version ${routes.version} is in force with another content`;
    }
    for (const backend of next.backends) {
      const entry = entries.get(backend.id);
      if (entry && entry.inFlight > 0 && entry.backend.release !== backend.release) {
        return `${backend.id} still answers requests as ${entry.backend.release}, it cannot be ${backend.release}`;
      }
    }
    const named = new Set(next.backends.map((backend) => backend.id));
    for (const entry of entries.values()) {
      if (!named.has(entry.backend.id)) retire(entry);
    }
    for (const backend of next.backends) admit(backend);
    routes = next;
    return undefined;
  }

  function admit(backend: Backend): void {
    const entry = entries.get(backend.id);
    if (!entry) {
      const slot = slots.take();
      const counts = { inFlight: 0, upgraded: 0, total: 0, errors: 0, slot, shunnedUntil: 0 };
      entries.set(backend.id, { backend, ...counts });
      return;
    }
    if (entry.backend.port !== backend.port) entry.shunnedUntil = 0;
    entry.backend = backend;
  }

  function retire(entry: BackendEntry): void {
    entry.backend = { ...entry.backend, inRotation: false, ready: false };
    if (entry.inFlight === 0) {
      entries.delete(entry.backend.id);
      slots.free(entry.slot);
    }
  }

  function choose(tried: ReadonlySet<BackendEntry>): BackendEntry | undefined {
    const inRotation = [...entries.values()].filter((entry) => entry.backend.inRotation && !tried.has(entry));
    const ready = inRotation.filter((entry) => entry.backend.ready);
    const now = monotonic();
    const liked = ready.filter((entry) => entry.shunnedUntil <= now);
    const candidates = [liked, ready, inRotation].find((some) => some.length > 0) ?? [];
    turn++;
    let least: BackendEntry | undefined;
    for (let i = 0; i < candidates.length; i++) {
      const entry = candidates[(turn + i) % candidates.length] as BackendEntry;
      if (!least || entry.inFlight < least.inFlight) least = entry;
    }
    return least;
  }

  return {
    apply,
    version: () => routes.version,
    choose,
    begin(entry) {
      entry.inFlight++;
      entry.total++;
      slots.set(entry.slot, entry.inFlight);
    },
    end(entry) {
      entry.inFlight--;
      slots.set(entry.slot, entry.inFlight);
      if (!routes.backends.some((backend) => backend.id === entry.backend.id)) retire(entry);
    },
    shun(entry) {
      entry.shunnedUntil = monotonic() + SHUNNED_MS;
    },
    state: () =>
      [...entries.values()].map(({ backend, inFlight, upgraded, total, errors }) => ({
        id: backend.id,
        release: backend.release,
        inRotation: backend.inRotation,
        inFlight,
        upgraded,
        total,
        errors,
      })),
    inFlight: () => [...entries.values()].reduce((sum, entry) => sum + entry.inFlight, 0),
  };
}
