import type { Known } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Release } from '../model/release.ts';
import type { OldQuery, Outcome } from '../schema-changes/old-queries.ts';

/** A query of the target, and what becomes of it on the live schema. */
export interface TriedQuery {
  query: OldQuery;
  outcome: Outcome;
}

/** As many are named; there may be hundreds. */
const NAMED = 20;

/** Whether the target's own queries work on the live schema. One that can't stops. Pure. */
export function checkQueries({ version }: Release, tried: Known<TriedQuery[]>): Finding[] {
  const common = { check: 'migrations', blocking: false, headline: false, fix: [] };
  if (!tried.known) {
    const title = `Queries of ${version}: not tried on the live schema`;
    const fix = tried.fix === undefined ? [] : [tried.fix];
    return [{ ...common, status: 'unknown', title, evidence: [tried.why], fix }];
  }
  const all = tried.value;
  if (all.length === 0) {
    const title = `Queries of ${version}: there are none in database.queries`;
    return [{ ...common, status: 'unknown', title, evidence: [] }];
  }
  const failing = all.filter(({ outcome }) => outcome.fails === true);
  const once = all.filter(({ outcome }) => outcome.fails === 'once');
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
        'Bring back what they name or leave out before that code comes back, or choose a version that does not run them.',
        'Go on all the same: add --accept migrations --reason TEXT',
      ],
    });
  }
  if (once.length > 0) {
    const title = `${once.length} ${of} may fail on the live schema`;
    findings.push({ ...common, status: 'warn', title, evidence: named(once) });
  }
  if (untold.length > 0) {
    const title = `${untold.length} ${of} could not be tried, which need not be the schema`;
    findings.push({ ...common, status: 'unknown', title, evidence: named(untold) });
  }
  if (findings.length > 0) return findings;
  const title = `All ${all.length} queries of ${version} can be prepared on the live schema`;
  return [{ ...common, status: 'ok', title, evidence: [] }];
}

function named(queries: TriedQuery[]): string[] {
  const lines = queries.slice(0, NAMED).map(({ query: { file, line, name, text }, outcome }) => {
    const folded = text.replace(/\s+/g, ' ');
    const short = folded.length > 100 ? `${folded.slice(0, 97)}...` : folded;
    const error = outcome.fails === false ? '' : outcome.error;
    const when = outcome.fails === 'once' ? `, ${outcome.when}` : '';
    return `${file}:${line}: ${name ? `${name}: ` : ''}${short}: ${error}${when}`;
  });
  return queries.length > NAMED ? [...lines, `And ${queries.length - NAMED} more.`] : lines;
}
