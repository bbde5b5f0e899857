import type { Instance, PlatformFacts } from '../../src/model/facts.ts';
import { emptyEvidence } from '../../src/model/histogram.ts';
import type { Release } from '../../src/model/release.ts';
import type { SimClock } from './sim-clock.ts';

interface SimInstance {
  slot: number;
  release: string;
  inRotation: boolean;
  readyAt: number;
  drainedAt: number;
  crashed: boolean;
  warm: boolean;
}

/** Production as it really is, whatever a client believes. Checks the rules of a run at every change. */
export interface World {
  readonly violations: string[];
  readonly desired: number;
  current: string;
  canary: string | undefined;
  /** Releases whose instances exit at their start. */
  crashing: Set<string>;
  startMs: number;
  drainMs: number;
  /** Instances that there is room for beside those that run; undefined where that is not known. */
  beside: number | undefined;
  /** How many instances may be there at once. */
  room: number;
  /** The release gone back from is failing and nobody asked to abort: no traffic may go back to it. */
  noWayBack: boolean;
  facts(): PlatformFacts;
  /** Throws `stale` where a later client has been seen. */
  enter(epoch: number): void;
  change: {
    start(release: string, slot: number): void;
    admit(release: string, slot: number): void;
    drain(release: string, slot: number): void;
    stop(release: string, slot: number): void;
    switchTo(release: string, slots: number[]): void;
    keepWarm(release: string, slot: number): void;
    setCurrent(release: string, canary: string | undefined): void;
  };
  find(release: string, slot: number): Instance | undefined;
}

export const OLD = 'r1';
export const NEW = 'r2';

export function simWorld(clock: SimClock, desired: number, canaries: number): World {
  const instances = new Map<string, SimInstance>();
  const violations: string[] = [];
  let highest = 0;
  const key = (release: string, slot: number) => `${release}/${slot}`;
  const stable = canaries > 0 ? OLD : NEW;
  for (let slot = 1; slot <= desired; slot++) put(stable, slot, true);
  for (let n = 1; n <= canaries; n++) put(NEW, desired + n, true);
  // Going back may take canaries away; what must never be gone below is the number asked for.
  const floor = desired;

  function put(release: string, slot: number, inRotation: boolean): SimInstance {
    const instance: SimInstance = {
      slot,
      release,
      inRotation,
      readyAt: inRotation ? 0 : clock.monotonic() + world.startMs,
      drainedAt: 0,
      crashed: !inRotation && world.crashing.has(release),
      warm: false,
    };
    instances.set(key(release, slot), instance);
    return instance;
  }

  function get(release: string, slot: number): SimInstance | undefined {
    return instances.get(key(release, slot));
  }

  function ready(instance: SimInstance): boolean {
    return !instance.crashed && clock.monotonic() >= instance.readyAt;
  }

  function serving(): number {
    return [...instances.values()].filter((instance) => instance.inRotation && ready(instance)).length;
  }

  function inFlight(instance: SimInstance): number {
    return instance.inRotation ? 3 : clock.monotonic() < instance.drainedAt ? 1 : 0;
  }

  function check(what: string): void {
    if (serving() < floor) violations.push(`${what}: ${serving()} serve, fewer than ${floor}`);
  }

  function view(instance: SimInstance): Instance {
    const { slot, release, inRotation, warm } = instance;
    const state = instance.crashed
      ? 'crashed'
      : !ready(instance)
        ? 'starting'
        : inRotation
          ? 'ready'
          : instance.drainedAt === 0
            ? 'ready'
            : inFlight(instance) > 0
              ? 'draining'
              : 'drained';
    return {
      id: key(release, slot),
      slot,
      release,
      state,
      inRotation,
      inFlight: inFlight(instance),
      warmUntil: warm ? new Date(clock.now() + 600_000).toISOString() : undefined,
    };
  }

  const world: World = {
    violations,
    desired,
    current: stable,
    canary: canaries > 0 ? NEW : undefined,
    crashing: new Set(),
    startMs: 800,
    drainMs: 300,
    beside: undefined,
    room: Number.POSITIVE_INFINITY,
    noWayBack: false,
    facts: () => ({
      service: 'shop',
      platform: 'sim',
      target: 'sim/shop',
      noun: { one: 'instance', many: 'instances' },
      current: world.current,
      canary: world.canary,
      releases: [release(NEW, 'v2.14.4'), release(OLD, 'v2.14.3')],
      instances: [...instances.values()].map(view),
      desired,
      surge: true,
      ...(world.beside !== undefined && { beside: world.beside }),
    }),
    enter(epoch) {
      if (epoch < highest) throw new Error('stale');
      highest = epoch;
    },
    find(release, slot) {
      const instance = get(release, slot);
      return instance && view(instance);
    },
    change: {
      start(release, slot) {
        const there = get(release, slot);
        if (!there || there.crashed) put(release, slot, false);
        if (instances.size > world.room)
          violations.push(
            `start ${release}/${slot}: no room (${[...instances.values()].map((i) => `${i.release}/${i.slot}${i.inRotation ? '+' : ''}${i.crashed ? 'x' : ''}`)}; ${world.room})`,
          );
      },
      admit(release, slot) {
        const instance = get(release, slot);
        if (!instance || !ready(instance)) return void violations.push(`admit ${release}/${slot}: not ready`);
        const healthy = [...instances.values()].some((i) => i.release === OLD && i.inRotation && ready(i));
        if (release === NEW && world.noWayBack && healthy)
          violations.push('traffic went back to a failing release');
        Object.assign(instance, { inRotation: true, drainedAt: 0, warm: false });
      },
      drain(release, slot) {
        const instance = get(release, slot);
        if (!instance?.inRotation) return;
        Object.assign(instance, { inRotation: false, drainedAt: clock.monotonic() + world.drainMs });
        check(`drain ${release}/${slot}`);
      },
      stop(release, slot) {
        const instance = get(release, slot);
        if (!instance) return;
        if (instance.inRotation) violations.push(`stop ${release}/${slot}: in rotation`);
        if (inFlight(instance) > 0) violations.push(`stop ${release}/${slot}: requests in flight`);
        instances.delete(key(release, slot));
        check(`stop ${release}/${slot}`);
      },
      switchTo(release, slots) {
        for (const instance of instances.values()) {
          const goes = instance.release !== release || !slots.includes(instance.slot);
          if (goes && instance.inRotation) instance.drainedAt = clock.monotonic() + world.drainMs;
          if (!goes && !ready(instance)) violations.push(`switch: ${release}/${instance.slot} not ready`);
          instance.inRotation = !goes;
        }
        check('switch');
      },
      keepWarm(release, slot) {
        const instance = get(release, slot);
        if (instance) instance.warm = true;
      },
      setCurrent(release, canary) {
        world.current = release;
        world.canary = canary;
      },
    },
  };
  return world;
}

function release(id: string, version: string): Release {
  return {
    id,
    version,
    image: { reference: `shop:${version}`, digest: `sha256:${id.repeat(32)}` },
    deployedAt: '2026-03-15T10:00:00.000Z',
    deployedBy: 'simulation',
    configuration: { environment: {}, secrets: {}, files: [] },
    migrations: [],
    evidence: emptyEvidence(),
  };
}
