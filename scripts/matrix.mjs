/**
 * `npm run matrix`: the whole kill matrix. The client and the supervisor are killed before and after every journal write
 * of every strategy, then the run is resumed and, separately, aborted. Takes about 50 minutes on two cores.
 */
import { spawnSync } from 'node:child_process';
import { ensureInstalled, root } from './ensure-installed.mjs';

await ensureInstalled();
const { status } = spawnSync(
  process.execPath,
  ['scripts/test.mjs', 'test/crash/kill-matrix.test.ts', ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, MATRIX: 'all' },
  },
);
process.exit(status ?? 1);
