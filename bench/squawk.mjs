/** squawk (https://github.com/sbdchd/squawk, Apache-2.0 OR MIT), the nearest peer for PostgreSQL. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

export const SQUAWK = 'squawk-cli@2.66.0';

/** The program, or why it can't be had. @param {string} folder @returns {Promise<{program: string} | {why: string}>} */
export async function installSquawk(folder) {
  const { status, stderr, error } = spawnSync('npm', ['install', '--prefix', folder, '--no-save', SQUAWK], {
    encoding: 'utf8',
  });
  if (status !== 0) return { why: error?.message ?? stderr.trim().split('\n')[0] ?? 'npm failed' };
  const packages = join(folder, 'node_modules/@squawk-cli');
  for (const name of readdirSync(packages)) return { program: join(packages, name, 'bin/squawk') };
  return { why: 'there is no program for this machine in the package' };
}

/** @param {string} program @param {string} folder @param {string[]} files names or patterns @returns {{file: string, rule_name: string}[]} */
export function squawk(program, folder, files) {
  const { status, stdout, stderr } = spawnSync(program, ['--reporter', 'json', ...files], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  // 1: it found something.
  if (status !== 0 && status !== 1) throw new Error(`squawk ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Rules that say the same of a file, here and there. */
const PAIRS = {
  'drop-table': 'ban-drop-table',
  'drop-column': 'ban-drop-column',
  'rename-table': 'renaming-table',
  'rename-column': 'renaming-column',
  'change-type': 'changing-column-type',
  'drop-not-null': 'ban-drop-not-null',
  'set-not-null': 'adding-not-nullable-field',
  'add-required-column': 'adding-required-field',
};

/**
 * @typedef {{file: string, verdict: string, findings: {rule: string, verdict: string}[]}} Judged
 * @typedef {Map<string, {theirs: string, both: number, onlyTheirs: string[], onlyOurs: string[]}>} Agreement
 */

/**
 * Counts the files of which both say a rule, and those of which one does.
 * @param {string} program @param {string} folder @param {Judged[]} judged @param {Agreement} agreed is added to
 */
export function agreement(program, folder, judged, agreed) {
  const files = judged.map(({ file }) => file);
  /** @type {Map<string, Set<string>>} */
  const said = new Map();
  for (const { file, rule_name } of squawk(program, folder, files)) {
    const name = relative('.', file);
    said.set(name, (said.get(name) ?? new Set()).add(rule_name));
  }
  for (const [rule, theirs] of Object.entries(PAIRS)) {
    const counts = agreed.get(rule) ?? { theirs, both: 0, onlyTheirs: [], onlyOurs: [] };
    for (const { file, findings } of judged) {
      const here = findings.some((finding) => finding.rule === rule);
      const there = said.get(relative('.', file))?.has(theirs) === true;
      if (here && there) counts.both += 1;
      else if (there) counts.onlyTheirs.push(file);
      else if (here) counts.onlyOurs.push(file);
    }
    agreed.set(rule, counts);
  }
}
