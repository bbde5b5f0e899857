import { stops } from '../model/finding.ts';
import type { Plan } from '../model/plan.ts';
import { formatDuration, plain, stopped } from './format.ts';
import { checkLines, headerLines, words } from './text-lines.ts';

export interface TextPlanOptions {
  /** The command to run next. Default: the one that carries the plan out; none where a check stops it. */
  next?: string;
}

/** A dry run: all checks and the whole plan, and that nothing was changed. Ends without a line break. */
export function textPlan(plan: Plan, options: TextPlanOptions = {}): string {
  const lines = [
    ...headerLines(plan).map(({ text }) => text),
    ...checkLines(plan).map(({ text }) => text),
    ...proofsNotMade(plan),
    '',
    'Plan:',
    ...plan.lines.map(({ label }, i) => `  [${i + 1}/${plan.lines.length}] ${label}`),
    ...noWayBack(plan),
    '',
    ...judgement(plan),
    'Nothing was changed.',
    ...nextCommand(plan, options.next),
  ];
  return lines.map(plain).join('\n');
}

/** A rollback that a check stopped before anything was moved; the error that follows it says how to go on. */
export function textRefusal(plan: Plan): string {
  const lines = [
    ...headerLines(plan).map(({ text }) => text),
    ...checkLines(plan).map(({ text }) => text),
    '',
    `Refused: ${stoppedBy(plan)}.`,
    'Nothing was changed.',
  ];
  return lines.map(plain).join('\n');
}

function proofsNotMade(plan: Plan): string[] {
  return plan.steps
    .filter((step) => step.phase === 'prove')
    .map(({ kind }) => {
      return `  [SKIPPED] ${NOT_MADE[kind] ?? `${words(kind)}: not done`} (dry run)`;
    });
}

const NOT_MADE: Record<string, string> = {
  'back-up-database': 'Database backup: not taken',
  'record-restore-point': 'Restore point: not recorded',
};

function noWayBack(plan: Plan): string[] {
  return plan.steps.flatMap(({ kind, pointOfNoReturn }) =>
    pointOfNoReturn === undefined
      ? []
      : [`  No way back to ${plan.from.version} after "${words(kind)}": ${stopped(pointOfNoReturn)}`],
  );
}

function judgement(plan: Plan): string[] {
  const estimate = `Estimated time: ${formatDuration(plan.estimateMs)} of the ${formatDuration(plan.request.timeoutS * 1000)} allowed.`;
  return plan.findings.some(stops) ? [estimate, `It would be refused: ${stoppedBy(plan)}.`] : [estimate];
}

/** `2 checks stop it (registry, migrations)` */
function stoppedBy(plan: Plan): string {
  const names = stoppingChecks(plan);
  return `${names.length} ${names.length === 1 ? 'check stops' : 'checks stop'} it (${names.join(', ')})`;
}

function stoppingChecks(plan: Plan): string[] {
  return [...new Set(plan.findings.filter(stops).map(({ check }) => check))];
}

function nextCommand(plan: Plan, given: string | undefined): string[] {
  if (given !== undefined) return [`Next: ${given}`];
  // How to go on against a refusal is told by the error that follows.
  if (plan.findings.some(stops)) return [];
  const { to, strategy, request } = plan;
  // No backup is taken without a database either; only one that was declined is found as skipped.
  const leftOut = plan.findings.some(({ check, status }) => check === 'backup' && status === 'skipped');
  const command = [
    `rollback-deploy-auto --version ${to.version} --strategy ${strategy}`,
    ...(request.reverseMigrations ? ['--reverse-migrations'] : []),
    ...(request.accepted.length > 0 ? [`--accept ${request.accepted.join(',')} --reason TEXT`] : []),
    ...(leftOut && !request.accepted.includes('backup') ? ['--no-backup'] : []),
  ].join(' ');
  return [`To carry it out: ${command}`];
}
