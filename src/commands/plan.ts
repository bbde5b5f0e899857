import { describeProduction } from '../engine/production.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { Facts } from '../model/facts.ts';
import { mayBeAccepted, stops } from '../model/finding.ts';
import type { Plan } from '../model/plan.ts';
import type { CommandContext, CommandOutcome, RollbackOptions } from './context.ts';
import { prepare } from './prepare.ts';
import { newRunId } from './run-id.ts';
import { writeRevert } from './write-revert.ts';

/** The dry run: everything a rollback would check and do, saved, with nothing changed. Exit 4 where it would be refused. */
export async function plan(context: CommandContext, options: RollbackOptions): Promise<CommandOutcome> {
  const { adapters, emit } = context;
  const { plan: made, facts, revert } = await prepare(context, options, newRunId(context.clock));
  await adapters.store.put('plans', made.runId, made, 0);
  emit({ type: 'notice', message: `Saved: rollback-deploy-auto show ${made.runId}` });
  const refused = refusal(made, facts);
  if (refused) await writeRevert(context, made.runId, revert);
  const next = refused ? 'rollback-deploy-auto releases' : commandLine(made);
  return {
    exit: refused ? EXIT.refused : EXIT.done,
    json: made,
    next,
    ...(refused ? { error: refused } : {}),
  };
}

/** Why the plan may not be carried out; undefined where it may. */
export function refusal(plan: Plan, facts: Facts): RollbackError | undefined {
  const blocking = plan.findings.filter(stops);
  if (blocking.length === 0) return undefined;
  const checks = [...new Set(blocking.map((finding) => finding.check))];
  const waivable = checks.every(mayBeAccepted);
  const waived = [...new Set([...plan.request.accepted, ...checks])].join(',');
  const waiver = `${commandLine(plan)} --accept ${waived} --reason TEXT`;
  const ways = blocking.flatMap((finding) => finding.fix.slice(0, 1));
  return new RollbackError({
    code: 'REFUSED',
    summary: `Rollback to ${plan.to.version} refused by ${checks.join(', ')}`,
    detail: blocking.flatMap(({ title, evidence }) => [`${title}.`, ...evidence]).join('\n'),
    production: `Production is unchanged: ${describeProduction(facts.platform)}`,
    fix: [...new Set(ways), ...(waivable ? [`To go ahead all the same, knowing this: ${waiver}`] : [])].join(
      '\n',
    ),
    exit: EXIT.refused,
  });
}

/** The command that carries a plan out, with all that was asked for otherwise than by default. */
function commandLine({ to, strategy, request, findings }: Plan): string {
  const timeout = request.timeoutS === 300 ? '' : ` --timeout ${request.timeoutS}`;
  // No backup is taken without a database either; only one that was declined is found as skipped.
  const declined = findings.some(({ check, status }) => check === 'backup' && status === 'skipped');
  const backup = declined && !request.accepted.includes('backup') ? ' --no-backup' : '';
  const verify = request.backupVerify ? ` --backup-verify ${request.backupVerify}` : '';
  const reverse = request.reverseMigrations ? ' --reverse-migrations' : '';
  return `rollback-deploy-auto --version ${to.version} --strategy ${strategy}${timeout}${backup}${verify}${reverse}`;
}
