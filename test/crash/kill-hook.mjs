// Preload that kills its own process around the durable writes of the file store:
//
//   KILL_AT=7 KILL_WHEN=before node --import ./test/crash/kill-hook.mjs dist/cli.js ...
//
// KILL_AT          SIGKILL at the nth matching write (1: the first).
// KILL_WHEN        `before` (default) or `after` that write is there.
// KILL_PID         Kills that process instead (default: its own), and goes on.
// KILL_MATCH       Regular expression on the file written. Default: entries of a journal, `runs/`.
// KILL_COUNT_FILE  Kills nothing; appends a line of JSON for each matching write: {n, path, type, step}. Both may be set.
//
// Only the first process with the variables is watched: they are taken out of the environment once read, so that no
// child inherits them.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { KILL_AT, KILL_WHEN = 'before', KILL_PID, KILL_MATCH = 'runs/', KILL_COUNT_FILE } = process.env;
for (const name of ['KILL_AT', 'KILL_WHEN', 'KILL_PID', 'KILL_MATCH', 'KILL_COUNT_FILE'])
  delete process.env[name];
if (process.env.NODE_OPTIONS?.includes('kill-hook')) delete process.env.NODE_OPTIONS;

if (KILL_AT !== undefined || KILL_COUNT_FILE !== undefined) {
  const at = KILL_AT === undefined ? undefined : Number(KILL_AT);
  if (at !== undefined && !(Number.isInteger(at) && at > 0))
    throw new Error(`KILL_AT is "${KILL_AT}", not 1, 2, ...`);
  if (!['before', 'after'].includes(KILL_WHEN))
    throw new Error(`KILL_WHEN is "${KILL_WHEN}", not before or after`);
  const matching = new RegExp(KILL_MATCH);
  const victim = KILL_PID === undefined ? process.pid : Number(KILL_PID);
  const { link } = fs.promises;
  let n = 0;

  fs.promises.link = async (from, to) => {
    if (!matching.test(String(to))) return link(from, to);
    n++;
    const mine = n;
    if (KILL_COUNT_FILE !== undefined) count(KILL_COUNT_FILE, mine, String(from), String(to));
    if (mine === at && KILL_WHEN === 'before') process.kill(victim, 'SIGKILL');
    await link(from, to);
    if (mine === at && KILL_WHEN === 'after') process.kill(victim, 'SIGKILL');
  };
  syncBuiltinESMExports();
}

/**
 * @param {string} file
 * @param {number} n
 * @param {string} from
 * @param {string} to
 */
function count(file, n, from, to) {
  const { entry } = JSON.parse(fs.readFileSync(from, 'utf8'));
  fs.appendFileSync(file, `${JSON.stringify({ n, path: to, type: entry?.type, step: entry?.step })}\n`);
}
