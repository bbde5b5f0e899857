import type { Finding } from '../model/finding.ts';
import type { Migration, Release } from '../model/release.ts';
import { type CountedLoss, consentTo } from '../model/reversal.ts';
import type { DownsVerdict } from '../schema-changes/judge-downs.ts';
import type { SchemaFinding } from '../schema-changes/verdict.ts';

/** What is known of a reversal before it is tried. */
export interface ReversalSituation {
  /** Newest first: all that is applied and the target does not ship. */
  migrations: readonly Migration[];
  target: Release;
  /** The version that serves. */
  current: string;
  verdict: DownsVerdict;
  losses: readonly CountedLoss[];
  /** Why the downs can't be run here, a sentence each. */
  obstacles: readonly string[];
  /** What the engine can't do about them, a sentence each; default: nothing. */
  notes?: readonly string[];
}

const BRIDGE =
  'Propose a migration that both versions can work with: rollback-deploy-auto migrations --write-reversal';

/** Why the downs can't be run while the current release serves, a sentence each. Pure. */
export function reversalObstacles({ target, current, verdict, obstacles }: ReversalSituation): string[] {
  return [
    ...obstacles,
    ...verdict.misfits.map((found) => said(found, `${current}, which still serves`)),
    ...verdict.remaining.map((found) => said(found, `${target.version}, after the downs`)),
  ];
}

/**
 * Whether the downs may be run while the current release serves. No waiver: what the current release can't work with would
 * fail its requests. Each loss is agreed to by its name. Pure.
 */
export function checkReversal(situation: ReversalSituation): Finding[] {
  const { migrations, target, current, verdict, losses, notes = [] } = situation;
  if (migrations.length === 0) {
    return [{ ...common, status: 'ok', title: 'No migration is to be taken back', evidence: [], fix: [] }];
  }
  const unfit = reversalObstacles(situation);
  const what = migrations.length === 1 ? '1 migration' : `${migrations.length} migrations`;
  if (unfit.length > 0) {
    const title = `Taking back ${what} is not possible while ${current} serves`;
    return [{ ...common, status: 'fail', title, evidence: unfit, blocking: true, fix: [BRIDGE] }];
  }
  const gone = verdict.destroyed.map(({ file, line, why }) => `${file}:${line}: ${why}`);
  const files = migrations.map(({ file }) => file);
  const title = `${what} taken back before anything moves: ${files.join(', ')}`;
  const evidence = [
    `${current} and ${target.version} can both work with every schema on the way.`,
    ...notes,
    ...(gone.length > 0 ? ['What the migrations destroyed does not come back:', ...gone] : []),
  ];
  return [
    { ...common, status: gone.length > 0 ? 'warn' : 'ok', title, evidence, fix: [] },
    ...losses.map(lossFinding),
  ];
}

const common = { check: 'reversal', blocking: false, headline: true };

function said({ file, line, statement, rule, verdict, why }: SchemaFinding, who: string): string {
  return `${file}:${line}: ${statement} (${rule}: ${verdict.replaceAll('-', ' ')} for ${who}). ${why.replaceAll('The old code', 'That code').replaceAll('the old code', 'that code')}`;
}

function lossFinding(loss: CountedLoss): Finding {
  return {
    check: consentTo(loss),
    status: 'fail',
    title: `Taking back ${loss.version} loses ${amountOf(loss)}`,
    evidence: lossEvidence(loss),
    blocking: true,
    fix: [`Agree to it by name: --accept ${consentTo(loss)} --reason TEXT`, BRIDGE],
    headline: true,
  };
}

/** Where it is lost, and how it was counted. */
export function lossEvidence(loss: CountedLoss): string[] {
  const { file, line, statement, query, unknown } = loss;
  return [
    `${file}:${line}: ${statement}`,
    unknown === undefined ? `Counted by: ${query}` : `Not counted (${unknown}): ${query}`,
  ];
}

/** E.g. `orders.note: 3 values in 5 rows`. */
export function amountOf({ name, kind, table, rows, values }: CountedLoss): string {
  if (rows === undefined) return `${name}: how much is unknown`;
  const all = rows === 1 ? '1 row' : `${rows} rows`;
  if (kind === 'column') return `${name}: ${values} ${values === 1 ? 'value' : 'values'} in ${all}`;
  return kind === 'table' ? `${table}: all of it, ${all}` : `rows of ${table}: up to ${all}`;
}
