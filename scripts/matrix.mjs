/**
 * `npm run matrix`: the whole kill matrix. The client and the supervisor are killed before and after every journal write
 * of every strategy, then the run is resumed and, separately, aborted. Takes about 50 minutes on two cores; where
 * KUBECONFIG and REGISTRY name a cluster, some hours more for the same there, ten rolling rollbacks in a row, and
 * ten minutes beside a reconciler.
 */
import { spawnSync } from 'node:child_process';
import { ensureInstalled, root } from './ensure-installed.mjs';

const SUITES = [
  'test/crash/kill-matrix.test.ts',
  'test/crash/kill-reversal.test.ts',
  'test/databases/take-back-mariadb.test.ts',
  'test/e2e/restore.test.ts',
  'test/kubernetes/kill.test.ts',
  'test/kubernetes/rolling.test.ts',
  'test/kubernetes/reconciler.test.ts',
];
const asked = process.argv.slice(2);
const suites = asked.some((one) => one.endsWith('.test.ts')) ? [] : SUITES;

await ensureInstalled();
const { status } = spawnSync(process.execPath, ['scripts/test.mjs', ...suites, ...asked], {
  cwd: root,
  stdio: 'inherit',
  env: { RECONCILER_MINUTES: '10', ...process.env, MATRIX: 'all' },
});
process.exit(status ?? 1);
