import { buildPlan, buildReturnPlan } from '../src/engine/plan.ts';
import type { Clock } from '../src/model/clock.ts';
import type { ErrorRecord } from '../src/model/error.ts';
import type { Facts, Instance, PlatformFacts } from '../src/model/facts.ts';
import type { Finding } from '../src/model/finding.ts';
import { emptyEvidence } from '../src/model/histogram.ts';
import type { JournalEntry, RunEnd } from '../src/model/journal.ts';
import type { Plan, PlannedStep, Strategy } from '../src/model/plan.ts';
import type { Release } from '../src/model/release.ts';

export const RUN = 'r-20260315-103200-7f3a';
export const BACKUP = 'backup-20260315-103200.sql';

export const old = release('r4', 'v2.14.4', 'b');
export const target = release('r3', 'v2.14.3', 'a');

export function finding(status: Finding['status'], title: string, more: Partial<Finding> = {}): Finding {
  const blocking = status === 'fail';
  return { check: 'x', status, title, evidence: [], blocking, fix: [], headline: true, ...more };
}

export const headlines: Finding[] = [
  finding('ok', 'Target version v2.14.3 image exists in registry', {
    check: 'registry',
    evidence: ['not to be seen'],
  }),
  finding('ok', 'No destructive database migrations between versions', { check: 'migrations' }),
  finding('ok', 'Configuration compatible with target version', { check: 'configuration' }),
  finding('ok', 'Images of the last 5 releases are kept', { check: 'retention', headline: false }),
];

export const backupTaken = finding('ok', `Database backup completed: ${BACKUP}`, { check: 'backup' });
export const health = finding('ok', 'Health endpoint: 200 OK', { check: 'health' });
export const errorRate = finding('ok', 'Error rate: 0.01% (within baseline)', { check: 'error-rate' });
export const latency = finding('ok', 'p95 latency: 145ms (within baseline)', { check: 'latency' });

export function instance(slot: number, of: Release, more: Partial<Instance> = {}): Instance {
  return {
    id: `shop-${of.id}-${slot}`,
    slot,
    release: of.id,
    state: 'ready',
    inRotation: true,
    inFlight: 0,
    warmUntil: undefined,
    ...more,
  };
}

export interface Planned {
  strategy?: Strategy;
  findings?: Finding[];
  instances?: Instance[];
  current?: Release;
  canary?: Release;
}

/** A plan as the engine builds it, for a platform on which every move is one step. */
export function planned(options: Planned = {}): Plan {
  const facts = platformFacts(options);
  const rest = { safePoint: true, after: [], input: null, timeoutMs: 60_000 };
  return buildPlan(
    {
      runId: RUN,
      createdAt: at(0),
      facts: { platform: facts } as Facts,
      from: { id: old.id, version: old.version, digest: old.image.digest },
      to: target,
      strategy: options.strategy ?? 'rolling',
      request: {
        by: 'ana@build-7',
        reason: undefined,
        timeoutS: 300,
        monitorS: 0,
        backup: true,
        accepted: [],
      },
      findings: options.findings ?? headlines,
      failing: { is: true, evidence: ['5.00% errors'] },
      keepWarmMs: 600_000,
      batch: 1,
      earlier: [],
      prove: [{ ...rest, id: 'back-up-database', kind: 'back-up-database', phase: 'prove' }],
      confirm: [
        { ...rest, id: 'validate-health', kind: 'validate-health', phase: 'confirm' },
        { ...rest, id: 'validate-traffic', kind: 'validate-traffic', phase: 'confirm', estimateMs: 5_000 },
      ],
      concurrency: 16,
    },
    { expand: (move) => [moveStep(move.id, move.kind)] },
  );
}

export function returnPlan(plan: Plan, instances: Instance[]): Plan {
  return buildReturnPlan(plan, platformFacts({ instances }), at(60), {
    expand: (move) => [moveStep(move.id, move.kind)],
  });
}

/** Writes a journal as a run would, a second an entry but where the time is said. */
export class Story {
  readonly entries: JournalEntry[] = [];
  private plan: Plan;
  private second = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    this.entries.push({ type: 'planned', at: at(0), plan, why: 'Asked for.' });
    const holder = { host: 'build-7', user: 'ana', pid: 4711, processStart: '1' };
    this.entries.push({ type: 'leased', at: at(0), epoch: 1, holder, purpose: 'run' });
  }

  start(step: string): this {
    this.entries.push({ type: 'started', at: this.now(), step, before: null });
    return this;
  }

  done(step: string, findings?: Finding[]): this {
    if (!this.plan.steps.some(({ id }) => id === step)) throw new Error(`The plan has no step ${step}.`);
    const output = findings ? { findings } : null;
    this.entries.push({ type: 'done', at: this.now(), step, output, observed: false });
    return this;
  }

  /** Starts and does them, in order. */
  does(...steps: string[]): this {
    for (const step of steps) this.start(step).done(step);
    return this;
  }

  backUp(): this {
    return this.start('back-up-database').done('back-up-database', [backupTaken]);
  }

  /** Every step of phase `move`, in the plan's order. */
  moves(): this {
    return this.does(...this.plan.steps.filter(({ phase }) => phase === 'move').map(({ id }) => id));
  }

  validate(healthFindings = [health], trafficFindings = [errorRate, latency]): this {
    this.start('validate-health').done('validate-health', healthFindings);
    return this.start('validate-traffic').done('validate-traffic', trafficFindings);
  }

  fail(step: string, error: Partial<ErrorRecord>): this {
    const full = { code: 'X', summary: 'x', detail: undefined, fix: undefined, ...error };
    this.entries.push({ type: 'failed', at: this.now(), step, error: full });
    return this;
  }

  replan(plan: Plan, why: string): this {
    this.plan = plan;
    this.entries.push({ type: 'planned', at: this.now(), plan, why });
    return this;
  }

  resume(): this {
    const holder = { host: 'build-7', user: 'ben', pid: 4712, processStart: '2' };
    this.entries.push({ type: 'leased', at: this.now(), epoch: 2, holder, purpose: 'resume' });
    return this;
  }

  stop(why: string, production: string): this {
    this.entries.push({ type: 'stopped', at: this.now(), why, production, exit: 3 });
    return this;
  }

  end(end: Partial<RunEnd>, second = 154): this {
    const full: RunEnd = {
      on: 'target',
      exit: 0,
      why: 'All on v2.14.3.',
      production: '3 instances of v2.14.3 serve.',
      ...end,
    };
    this.entries.push({ type: 'ended', at: at(second), end: full });
    return this;
  }

  private now(): string {
    return at(++this.second);
  }
}

/** `second` seconds after the run's start. */
export function at(second: number): string {
  return new Date(Date.UTC(2026, 2, 15, 10, 32, 0) + second * 1000).toISOString();
}

/** A clock that is moved by hand. */
export function handClock(): Clock & { advance(ms: number): void } {
  let ms = Date.parse(at(0));
  return {
    now: () => ms,
    monotonic: () => ms,
    sleep: () => Promise.reject(new Error('nothing sleeps here')),
    randomId: () => '7f3a',
    advance(by) {
      ms += by;
    },
  };
}

function release(id: string, version: string, digit: string): Release {
  return {
    id,
    version,
    image: { reference: `shop:${version}`, digest: `sha256:${digit.repeat(64)}` },
    deployedAt: at(-86_400),
    deployedBy: 'ana',
    configuration: { environment: {}, secrets: {}, files: [] },
    migrations: [],
    evidence: emptyEvidence(),
  };
}

function platformFacts({ instances, current, canary }: Planned): PlatformFacts {
  return {
    service: 'shop',
    platform: 'local',
    target: 'local/shop',
    noun: { one: 'instance', many: 'instances' },
    current: (current ?? old).id,
    canary: canary?.id,
    releases: [old, target],
    instances: instances ?? [1, 2, 3].map((slot) => instance(slot, old)),
    desired: 3,
    surge: true,
  };
}

function moveStep(id: string, kind: string): PlannedStep {
  return {
    id,
    kind,
    phase: 'move',
    input: null,
    after: [],
    safePoint: true,
    timeoutMs: 60_000,
    estimateMs: 1_000,
  };
}
