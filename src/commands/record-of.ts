import { drainedIn } from '../model/drained.ts';
import type { Finding } from '../model/finding.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Plan } from '../model/plan.ts';
import type { MonitorResult, RunRecord } from '../model/record.ts';
import type { RestorePoint } from '../model/restore-point.ts';
import { reversalState } from '../model/reversal-state.ts';
import { type FindingsOutput, runState, stepOf } from '../model/run-state.ts';
import { suspendedIn } from '../model/suspended.ts';

/**
 * The record of a run, from its journal alone; what a monitor saw afterwards is given, for it is not in the journal.
 * @throws Error where the first entry is no plan: the journal is damaged.
 */
export function recordOf(entries: readonly JournalEntry[], monitor?: MonitorResult): RunRecord {
  const state = runState(entries);
  const { asked, startedAt, movedAt, end, stopped } = state;
  const told = tellSteps(entries);
  const until = state.endedAt ?? state.lastAt;
  const carriedOut = state.plans.map(({ plan }) => plan).findLast(isBack) ?? asked;
  return {
    format: 1,
    runId: asked.runId,
    service: asked.service,
    target: asked.target,
    noun: asked.noun,
    reason: asked.request.reason,
    by: asked.request.by,
    holders: entries.flatMap((entry) =>
      entry.type === 'leased' ? [{ at: entry.at, purpose: entry.purpose, holder: entry.holder }] : [],
    ),
    startedAt,
    endedAt: state.endedAt,
    from: asked.from,
    to: asked.to,
    strategy: asked.strategy,
    end: end?.on,
    exit: end?.exit ?? stopped?.exit,
    production:
      end?.production ?? stopped?.production ?? 'What runs now is told by rollback-deploy-auto status.',
    why: end?.why ?? stopped?.why ?? 'A client is still working on it, or was lost.',
    checks: [...asked.findings, ...told.checks],
    validation: told.validation,
    steps: told.steps,
    movedMs: movedAt === undefined ? undefined : elapsed(movedAt, until),
    durationMs: elapsed(startedAt, until),
    failedRequests: told.traffic?.errors,
    requests: told.traffic?.requests,
    drained: drainedIn(state),
    reconcilers: suspendedIn(state),
    ...(asked.reversal?.asked && {
      reversal: { takenBack: reversalState(state).done, losses: asked.reversal.losses },
    }),
    backup: told.backup,
    ...(told.restorePoint ? { restorePoint: told.restorePoint } : {}),
    monitor,
    planHash: carriedOut.hash,
  };
}

interface StepsTold {
  steps: RunRecord['steps'];
  /** Of steps that prove. */
  checks: Finding[];
  /** Of steps that confirm. */
  validation: Finding[];
  traffic: { requests: number; errors: number } | undefined;
  backup: RunRecord['backup'];
  restorePoint?: RestorePoint;
}

/** What the steps of all plans of the run said, in the order in which they ended. */
function tellSteps(entries: readonly JournalEntry[]): StepsTold {
  const told: Omit<StepsTold, 'checks' | 'validation'> = { steps: [], traffic: undefined, backup: undefined };
  /** By direction and step: where a plan was built again, a step that ran again has the last word. */
  const findings = new Map<string, { phase: string; findings: Finding[] }>();
  const begun = new Map<string, string>();
  let plan: Plan | undefined;
  for (const entry of entries) {
    if (entry.type === 'planned') plan = entry.plan;
    // Whoever takes over does not know how long the work before was cut off.
    if (entry.type === 'planned' || entry.type === 'leased') begun.clear();
    if (entry.type === 'started') begun.set(entry.step, entry.at);
    if (entry.type !== 'done' && entry.type !== 'failed') continue;
    const step = plan && stepOf(plan, entry.step);
    if (!plan || !step) continue;
    const since = begun.get(entry.step);
    begun.delete(entry.step);
    told.steps.push({
      id: entry.step,
      phase: step.phase,
      state: entry.type,
      at: entry.at,
      tookMs: since === undefined ? undefined : elapsed(since, entry.at),
      error: entry.type === 'failed' ? entry.error : undefined,
    });
    if (entry.type === 'failed') continue;
    const output = (entry.output ?? {}) as Partial<FindingsOutput & StepOutputs>;
    if (output.findings) {
      const key = `${plan.direction} ${step.id}`;
      findings.delete(key);
      findings.set(key, { phase: step.phase, findings: output.findings });
    }
    if (step.kind === 'validate-traffic' && isBack(plan)) told.traffic = output.traffic;
    if (step.kind === 'back-up-database' && output.backup) {
      const { name, path, sha256, bytes } = output.backup;
      told.backup = { name, path, sha256, bytes };
    }
    if (step.kind === 'record-restore-point' && output.restorePoint) told.restorePoint = output.restorePoint;
  }
  const of = (phase: string) =>
    [...findings.values()].flatMap((each) => (each.phase === phase ? each.findings : []));
  return { ...told, checks: of('prove'), validation: of('confirm') };
}

/** Outputs of the kinds `validate-traffic`, `back-up-database` and `record-restore-point`. */
interface StepOutputs {
  traffic: { requests: number; errors: number };
  backup: NonNullable<RunRecord['backup']>;
  restorePoint: RestorePoint;
}

function isBack({ direction }: Plan): boolean {
  return direction === 'back';
}

/** ms; none where the clock went back meanwhile. */
function elapsed(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}
