/**
 * `npm run oracle [-- CASES [SEED]]`: random schemas, migrations and statements of old code on a real PostgreSQL and MariaDB,
 * each compared with the verdict (default: 20,000 cases an engine). Prints every case that is wrong with its seed, and
 * the false alarms by rule. What `npm test` does with few cases.
 */
import { spawnSync } from 'node:child_process';
import { ensureInstalled, root } from './ensure-installed.mjs';

const [cases = '20000', seed] = process.argv.slice(2);
await ensureInstalled();
const { status } = spawnSync(
  process.execPath,
  ['scripts/test.mjs', 'test/schema-changes/oracle.test.ts', '--disableConsoleIntercept'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ORACLE_CASES: cases, ...(seed === undefined ? {} : { ORACLE_SEED: seed }) },
  },
);
process.exit(status ?? 1);
