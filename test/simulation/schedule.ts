import type { Lease, StateStore } from '../../src/adapters/store/store.ts';
import type { DriveResult } from '../../src/engine/drive.ts';
import { drive } from '../../src/engine/drive.ts';
import { buildPlan, buildReturnPlan } from '../../src/engine/plan.ts';
import { planHash } from '../../src/engine/plan-hash.ts';
import type { Step, StepRegistry } from '../../src/engine/step.ts';
import { RollbackError } from '../../src/model/error.ts';
import type { Facts } from '../../src/model/facts.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Plan, PlannedStep } from '../../src/model/plan.ts';
import { STRATEGIES } from '../../src/model/plan.ts';
import { referenceTo } from '../../src/model/release.ts';
import { runState } from '../../src/model/run-state.ts';
import { memoryState, memoryStore } from '../store/memory-store.ts';
import type { Random } from './random.ts';
import { seeded } from './random.ts';
import { checkEnd, checkJournal } from './rules.ts';
import { simClock } from './sim-clock.ts';
import type { Faults } from './sim-platform.ts';
import { NO_FAULTS, simPlatform } from './sim-platform.ts';
import { NEW, OLD, simWorld } from './sim-world.ts';

export interface ScheduleResult {
  seed: number;
  violations: string[];
  end: string;
  clients: number;
  entries: number;
}

const RUN = 'r-sim';
const MAX_CLIENTS = 8;

/** One seeded schedule of faults, from the first client to the end of the run. */
export async function runSchedule(seed: number): Promise<ScheduleResult> {
  const random = seeded(seed);
  const clock = simClock();
  try {
    return await clock.run(schedule(seed, random, clock));
  } catch (error) {
    throw new Error(`Seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}

async function schedule(
  seed: number,
  random: Random,
  clock: ReturnType<typeof simClock>,
): Promise<ScheduleResult> {
  const strategy = random.pick(STRATEGIES);
  const desired = random.between(1, 5);
  const world = simWorld(clock, desired, strategy === 'canary' ? random.between(1, 2) : 0);
  world.startMs = random.pick([50, 500, 5_000]);
  world.drainMs = random.pick([0, 200, 4_000]);
  if (random.chance(0.15)) world.crashing.add(OLD);
  if (strategy === 'rolling') {
    world.beside = random.pick([undefined, 1, 2, 3, 6]);
    if (world.beside !== undefined) world.room = desired + world.beside;
  }
  const failing = random.chance(0.5);
  const disk = memoryState();
  world.noWayBack = failing;
  const violations = world.violations;
  const start = world.facts();
  const timeoutS = random.pick([10, 60, 300]);
  const verdict = random.pick(['ok', 'ok', 'ok', 'fail', 'unknown'] as const);

  for (let client = 1; client <= MAX_CLIENTS; client++) {
    // The later clients meet fewer faults, so that every schedule comes to its end.
    const calm = client > MAX_CLIENTS / 2;
    const faults = calm ? NO_FAULTS : someFaults(random);
    const store = memoryStore({ clock, state: disk });
    let alive = true;
    const killAt = !calm && random.chance(0.4) ? random.between(1, 30) : undefined;
    let die: () => void = () => {};
    const death = new Promise<'killed'>((resolve) => {
      die = () => {
        alive = false;
        resolve('killed');
      };
    });
    const platform = simPlatform({ world, clock, random, faults, alive: () => alive });
    const own = faultyStore(store, random, faults, () => alive);
    if (killAt) store.faults.crashAt(killAt, random.pick(['before', 'after']), () => die());
    const holder = { host: 'sim', user: 'test', pid: client, processStart: String(client) };
    const build = (facts = world.facts()) =>
      buildPlan(planInput(facts, strategy, failing, timeoutS, confirm()), platform);
    let lease: Lease;
    try {
      lease = await store.acquireLease('shop', holder, new AbortController().signal);
    } catch (error) {
      // The client before is not known to be dead yet; its lease runs out.
      if (!(error instanceof RollbackError && error.code === 'LEASE_HELD')) throw error;
      await clock.sleep(20_000);
      continue;
    }
    if (!disk.runs.has(RUN)) {
      const made = build();
      const first: JournalEntry = {
        type: 'planned',
        at: new Date(clock.now()).toISOString(),
        plan: made,
        why: 'Asked for.',
      };
      if ((await Promise.race([death, store.create(lease, RUN, first)])) === 'killed') continue;
    }
    const state = runState(await store.read(RUN));
    if (planHash(state.plan) !== state.plan.hash)
      violations.push('the journal holds a plan whose hash differs');
    const requested = new AbortController();
    const aborting = client === MAX_CLIENTS;
    requested.signal.addEventListener('abort', () => {
      if (requested.signal.reason === 'abort') world.noWayBack = false;
    });
    if (aborting) requested.abort('abort');
    if (!calm && random.chance(0.15)) {
      const by = random.pick(['interrupt', 'abort'] as const);
      void clock.sleep(random.between(100, 10_000)).then(() => {
        if (alive) requested.abort(by);
      });
    }
    if (random.chance(0.3)) clock.jump(random.between(-7_200_000, 7_200_000));
    if (!calm && random.chance(0.1)) {
      void clock.sleep(random.between(100, 8_000)).then(() => void store.faults.stealLease('shop'));
    }
    const immediate = new AbortController();
    if (!calm && random.chance(0.05))
      void clock.sleep(random.between(100, 8_000)).then(() => immediate.abort('left'));
    const result: DriveResult | 'killed' = await Promise.race([
      death,
      drive({
        state,
        purpose: client === 1 ? 'run' : aborting ? 'abort' : 'resume',
        store: own,
        lease,
        steps: { ...platform.steps(), ...validation(verdict) },
        clock,
        emit: () => {},
        timeoutS,
        requested: requested.signal,
        immediate: immediate.signal,
        readFacts: () => platform.facts(),
        rebuild: async () => ({ ...build(), start: state.asked.start }),
        planReturn: (facts) =>
          buildReturnPlan(state.plan, facts, new Date(clock.now()).toISOString(), platform),
      }),
    ]);
    alive = false;
    if (result === 'killed') continue;
    await store.release(lease).catch(() => {});
    if (result.kind === 'ended') {
      const entries = await store.read(RUN);
      const confirmed = verdict === 'ok' && state.steps.get('validate')?.state === 'done';
      violations.push(...checkEnd(result.end, world.facts(), start, confirmed));
      violations.push(...checkJournal(entries));
      return { seed, violations, end: result.end.on, clients: client, entries: entries.length };
    }
    // What crashes at its start was mended by somebody before the last ones try again.
    if (client >= MAX_CLIENTS - 2) world.crashing.clear();
  }
  violations.push('no good end was reached');
  return { seed, violations, end: 'none', clients: MAX_CLIENTS, entries: 0 };
}

function someFaults(random: Random): Faults {
  return {
    before: random.pick([0, 0.02, 0.2]),
    after: random.pick([0, 0.02, 0.2]),
    final: random.pick([0, 0, 0.02]),
    slow: random.pick([0, 0, 0.03]),
  };
}

function planInput(
  facts: Facts['platform'],
  strategy: Plan['strategy'],
  failing: boolean,
  timeoutS: number,
  confirm: PlannedStep[],
) {
  const byId = (id: string) =>
    facts.releases.find((release) => release.id === id) as Facts['platform']['releases'][0];
  return {
    runId: RUN,
    createdAt: '2026-03-15T10:32:00.000Z',
    facts: { platform: facts } as Facts,
    from: referenceTo(byId(NEW)),
    to: byId(OLD),
    strategy,
    request: { by: 'sim', reason: undefined, timeoutS, monitorS: 0, backup: false, accepted: [] },
    findings: [],
    failing: { is: failing, evidence: failing ? ['8% errors'] : [] },
    keepWarmMs: 600_000,
    batch: 1,
    earlier: [],
    prove: [],
    confirm,
    concurrency: 16,
  };
}

function confirm(): PlannedStep[] {
  return [
    {
      id: 'validate',
      kind: 'validate',
      phase: 'confirm',
      input: {},
      after: [],
      safePoint: true,
      timeoutMs: 60_000,
    },
  ];
}

function validation(status: Finding['status']): StepRegistry {
  const finding: Finding = {
    check: 'error-rate',
    status,
    title: `Error rate: ${status}`,
    evidence: [],
    blocking: false,
    fix: [],
    headline: true,
  };
  const step: Step<unknown> = {
    observe: async () => ({ state: 'pending', before: null }),
    async apply(_, { clock, signal }) {
      await clock.sleep(1_000, signal);
      return { findings: [finding] };
    },
  };
  return { validate: step as Step<never> };
}

/** The store as one client sees it: writes fail, lose their acknowledgement, or are the last thing the process did. */
function faultyStore(store: StateStore, random: Random, faults: Faults, alive: () => boolean): StateStore {
  const lost = () =>
    new RollbackError({ code: 'SIM_STORE', summary: 'The store did not answer', retriable: true });
  return {
    ...store,
    async append(lease, runId, entries) {
      if (!alive()) return new Promise(() => {});
      if (random.chance(faults.before / 4)) throw lost();
      await store.append(lease, runId, entries);
      if (random.chance(faults.after / 4)) throw lost();
    },
    async renew(lease) {
      if (!alive()) return new Promise(() => {});
      if (random.chance(faults.before)) throw lost();
      return store.renew(lease);
    },
  };
}
