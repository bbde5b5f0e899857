import type { Known } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Release } from '../model/release.ts';
import type { OldQuery } from '../schema-changes/old-queries.ts';

/** A query of the target, and what the live database says of it. */
export interface PreparedQuery {
  query: OldQuery;
  outcome: { fails: false } | { fails: true | 'unknown'; error: string };
}

/** As many are named; there may be hundreds. */
const NAMED = 20;

/** Whether the target's own queries can be prepared on the live schema. One that can't stops. Pure. */
export function checkQueries({ version }: Release, prepared: Known<PreparedQuery[]>): Finding[] {
  const common = { check: 'migrations', blocking: false, headline: false, fix: [] };
  if (!prepared.known) {
    const title = `Queries of ${version}: not tried on the live schema`;
    const fix = prepared.fix === undefined ? [] : [prepared.fix];
    return [{ ...common, status: 'unknown', title, evidence: [prepared.why], fix }];
  }
  const all = prepared.value;
  if (all.length === 0) {
    const title = `Queries of ${version}: there are none in database.queries`;
    return [{ ...common, status: 'unknown', title, evidence: [] }];
  }
  const failing = all.filter(({ outcome }) => outcome.fails === true);
  const untold = all.filter(({ outcome }) => outcome.fails === 'unknown');
  const of = `of ${all.length} ${all.length === 1 ? 'query' : 'queries'} of ${version}`;
  const findings: Finding[] = [];
  if (failing.length > 0) {
    findings.push({
      ...common,
      status: 'fail',
      title: `${failing.length} ${of} ${failing.length === 1 ? 'fails' : 'fail'} on the live schema`,
      evidence: named(failing),
      blocking: true,
      fix: [
        'Bring back what they name before that code comes back, or choose a version that does not run them.',
        'Go on all the same: add --accept migrations --reason TEXT',
      ],
    });
  }
  if (untold.length > 0) {
    const title = `${untold.length} ${of} could not be prepared, which need not be the schema`;
    findings.push({ ...common, status: 'unknown', title, evidence: named(untold) });
  }
  if (findings.length > 0) return findings;
  const title = `All ${all.length} queries of ${version} can be prepared on the live schema`;
  return [{ ...common, status: 'ok', title, evidence: [] }];
}

function named(queries: PreparedQuery[]): string[] {
  const lines = queries.slice(0, NAMED).map(({ query: { file, line, name, text }, outcome }) => {
    const folded = text.replace(/\s+/g, ' ');
    const short = folded.length > 100 ? `${folded.slice(0, 97)}...` : folded;
    const error = outcome.fails === false ? '' : outcome.error;
    return `${file}:${line}: ${name ? `${name}: ` : ''}${short}: ${error}`;
  });
  return queries.length > NAMED ? [...lines, `And ${queries.length - NAMED} more.`] : lines;
}
