/**
 * `npm run bench:cold-start [-- PAIRS]`: `--help` of the built product against `node -e 0`, in pairs and in turn, so that
 * whatever else the machine does slows both. Prints; the exit code says nothing of the result.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from 'simple-statistics';

/** `--help` may take this many times as long as an empty Node.js. */
const LIMIT = 1.7;
const pairs = Number(process.argv[2] ?? 40);
const cli = join(fileURLToPath(new URL('..', import.meta.url)), 'dist/cli.js');

/** @param {string[]} args @returns {number} ms */
function time(args) {
  const since = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return performance.now() - since;
}

/** @type {{empty: number[], help: number[]}} */
const times = { empty: [], help: [] };
const commands = { empty: ['-e', '0'], help: [cli, '--help'] };
for (let n = -2; n < pairs; n++) {
  // Who goes first alternates; the first two pairs only warm the disk cache.
  /** @type {('empty' | 'help')[]} */
  const order = n % 2 === 0 ? ['empty', 'help'] : ['help', 'empty'];
  for (const name of order) {
    const ms = time(commands[name]);
    if (n >= 0) times[name].push(ms);
  }
}
const { empty, help } = times;
const ratio = median(help.map((ms, n) => ms / (empty[n] ?? Number.NaN)));
console.log(`node ${process.version}, ${availableParallelism()} cores, ${pairs} pairs, medians:`);
console.log(`  node -e 0                    ${median(empty).toFixed(1)} ms`);
console.log(`  rollback-deploy-auto --help  ${median(help).toFixed(1)} ms`);
console.log(
  `  ratio                        ${ratio.toFixed(2)} (limit ${LIMIT}: ${ratio <= LIMIT ? 'PASS' : 'over'})`,
);
