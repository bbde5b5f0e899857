import { stops } from '../model/finding.ts';
import type { Plan } from '../model/plan.ts';
import { formatDuration, plain, stopped } from './format.ts';
import { checkLines, headerLines, words } from './text-lines.ts';

export interface TextPlanOptions {
  /** The command that carries the plan out, or that goes on. Default: the typed rollback, or the one that waives. */
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

/** A rollback that a check stopped before anything was moved. Ends without a line break. */
export function textRefusal(plan: Plan, options: TextPlanOptions = {}): string {
  const lines = [
    ...headerLines(plan).map(({ text }) => text),
    ...checkLines(plan).map(({ text }) => text),
    '',
    `Refused: ${stoppedBy(plan)}.`,
    'Nothing was changed.',
    ...nextCommand(plan, options.next),
  ];
  return lines.map(plain).join('\n');
}

function proofsNotMade(plan: Plan): string[] {
  return plan.steps
    .filter((step) => step.phase === 'prove')
    .map(({ kind }) => {
      const what = kind === 'back-up-database' ? 'Database backup: not taken' : `${words(kind)}: not done`;
      return `  [SKIPPED] ${what} (dry run)`;
    });
}

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
  const { to, strategy, request } = plan;
  const stopping = stoppingChecks(plan);
  const accepted = [...new Set([...request.accepted, ...stopping])];
  const command = [
    `rollback-deploy-auto --version ${to.version} --strategy ${strategy}`,
    ...(accepted.length > 0 ? [`--accept ${accepted.join(',')} --reason TEXT`] : []),
    ...(request.backup ? [] : ['--no-backup']),
  ].join(' ');
  return [stopping.length > 0 ? `To go on all the same: ${command}` : `To carry it out: ${command}`];
}
