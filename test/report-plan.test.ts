import { expect, it } from 'vitest';
import { textPlan, textRefusal } from '../src/report/text-plan.ts';
import { finding, headlines, planned } from './report-fixtures.ts';

const missing = finding('fail', 'Target version v2.14.3 image does not exist in registry', {
  check: 'registry',
  evidence: ['shop:v2.14.3 was deployed as sha256:aaaa; its content is missing or damaged.'],
  fix: ['Put the image back.', 'Choose another version: rollback-deploy-auto releases'],
});
const drops = finding('fail', 'Migration 20260301 drops column orders.note', { check: 'migrations' });

it('prints a dry run', () => {
  expect(textPlan(planned())).toBe(`Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: rolling

Pre-rollback checks:
  [OK] Target version v2.14.3 image exists in registry
  [OK] No destructive database migrations between versions
  [OK] Configuration compatible with target version
  [SKIPPED] Database backup: not taken (dry run)

Plan:
  [1/4] Draining traffic from current instances
  [2/4] Deploying v2.14.3 (instance 1/3)
  [3/4] Deploying v2.14.3 (instance 2/3)
  [4/4] Deploying v2.14.3 (instance 3/3)

Estimated time: 14.5s of the 5m allowed.
Nothing was changed.
To carry it out: rollback-deploy-auto --version v2.14.3 --strategy rolling`);
});

it('says in a dry run what would refuse it, what has no way back, and the command given', () => {
  const plan = planned({ strategy: 'instant', findings: [...headlines.slice(2, 3), drops] });
  plan.steps = plan.steps.map((step) =>
    step.id === 'switch' ? { ...step, pointOfNoReturn: 'The column is gone then' } : step,
  );
  plan.request = { ...plan.request, backup: false };
  plan.steps = plan.steps.filter(({ phase }) => phase !== 'prove');
  expect(textPlan(plan, { next: 'rollback-deploy-auto resume r-1' })).toBe(`Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: instant

Pre-rollback checks:
  [OK] Configuration compatible with target version
  [FAIL] Migration 20260301 drops column orders.note

Plan:
  [1/3] Starting v2.14.3 beside v2.14.4 (3 instances)
  [2/3] Switching all traffic to v2.14.3
  [3/3] Draining traffic from v2.14.4
  No way back to v2.14.4 after "Switch": The column is gone then.

Estimated time: 10.5s of the 5m allowed.
It would be refused: 1 check stops it (migrations).
Nothing was changed.
Next: rollback-deploy-auto resume r-1`);
});

it('refuses with the checks that stop it', () => {
  const plan = planned({ findings: [missing, drops, ...headlines.slice(2)] });
  expect(textRefusal(plan)).toBe(`Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: rolling

Pre-rollback checks:
  [FAIL] Target version v2.14.3 image does not exist in registry
    shop:v2.14.3 was deployed as sha256:aaaa; its content is missing or damaged.
    Fix: Put the image back.
    Or: Choose another version: rollback-deploy-auto releases
  [FAIL] Migration 20260301 drops column orders.note
  [OK] Configuration compatible with target version

Refused: 2 checks stop it (registry, migrations).
Nothing was changed.`);
});

it('names what is accepted in the command that carries it out', () => {
  const skipped = finding('skipped', 'Database backup: not taken (--no-backup)', { check: 'backup' });
  const plan = planned({ findings: [...headlines, skipped] });
  plan.request = { ...plan.request, accepted: ['timeout', 'registry'], backup: false };
  expect(textPlan(plan).split('\n').at(-1)).toBe(
    'To carry it out: rollback-deploy-auto --version v2.14.3 --strategy rolling --accept timeout,registry --reason TEXT --no-backup',
  );
  expect(
    textPlan(planned({ findings: [drops] }))
      .split('\n')
      .at(-1),
  ).toBe('Nothing was changed.');
});
