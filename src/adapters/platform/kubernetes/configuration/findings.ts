import type { Finding } from '../../../../model/finding.ts';
import type { Restoration } from './plan-restoration.ts';

/**
 * The whole answer of the check `configuration` for a release of this platform, in the words of `checkConfiguration`,
 * which says it where nothing is restored by copies. Pure; never a value of a Secret.
 */
export function restorationFindings(version: string, plan: Restoration): Finding[] {
  const findings: Finding[] = [];
  const add = (parts: Pick<Finding, 'status' | 'title' | 'evidence' | 'fix'>) =>
    findings.push({
      check: 'configuration',
      headline: true,
      blocking: parts.status === 'fail',
      ...parts,
    });
  if (plan.missing.length > 0) {
    add({
      status: 'fail',
      title: `Configuration not compatible with target version: ${plan.missing.length} missing`,
      evidence: plan.missing,
      fix: ['Provide what is missing, then run the command again.'],
    });
  } else {
    add({
      status: 'ok',
      title: 'Configuration compatible with target version',
      evidence: plan.says,
      fix: [],
    });
  }
  if (plan.unrecorded) {
    add({
      status: 'warn',
      title: `Configuration of ${version} was not recorded; today's is used`,
      evidence: [],
      fix: ['Record each release once it serves: rollback-deploy-auto snapshot'],
    });
  }
  if (plan.differs.length > 0) {
    const { length } = plan.differs;
    add({
      status: 'warn',
      title: `${length === 1 ? '1 object' : `${length} objects`} of the configuration ${length === 1 ? 'stays' : 'stay'} as today`,
      evidence: plan.differs,
      fix: [
        'An old credential may have been revoked. A Secret goes back where it is named: --restore-secrets NAME',
      ],
    });
  }
  return findings;
}
