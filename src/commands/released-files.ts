import type { FileFinding } from '../model/judged-file.ts';
import type { Migration } from '../model/release.ts';

interface OfFile {
  file: string;
  finding: FileFinding;
}

/**
 * What was done to files that a release has shipped, and so may be applied already: changed, taken away, or new ones put
 * before them. Pure.
 */
export function releasedFindings(before: readonly Migration[], all: readonly Migration[]): OfFile[] {
  const now = new Map(all.map((one) => [one.version, one]));
  const shipped = new Set(before.map(({ version }) => version));
  const last = all.findLastIndex(({ version, repeatable }) => shipped.has(version) && !repeatable);
  return [
    ...before.flatMap((old) => {
      const current = now.get(old.version);
      if (current === undefined) return [removed(old)];
      return current.repeatable || sameSql(old, current) ? [] : [changed(current)];
    }),
    ...all
      .slice(0, Math.max(last, 0))
      .filter((one) => !shipped.has(one.version) && !one.repeatable && !one.after)
      .map((one) => outOfOrder(one, all[last] as Migration)),
  ];
}

function sameSql(old: Migration, current: Migration): boolean {
  const recorded = old.checksums?.some((sum) => current.checksums?.includes(sum)) ?? true;
  return recorded && bare(old.up) === bare(current.up);
}

function bare(sql: string): string {
  return sql
    .replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function changed({ file }: Migration): OfFile {
  const why =
    'The release that may be gone back to shipped it with other SQL: where it is applied, the schema is not what this file makes.';
  return {
    file,
    finding: about(
      'released-file-changed',
      'unknown',
      why,
      'Put the old text back, and make the change in a new migration.',
    ),
  };
}

function removed({ file }: Migration): OfFile {
  const why =
    "The release that may be gone back to ships it, and the newer one does not: with the newer files it can't be taken back.";
  return {
    file,
    finding: about(
      'released-file-removed',
      'conditional',
      why,
      'Keep the files of releases that may be gone back to.',
    ),
  };
}

function outOfOrder({ file }: Migration, last: Migration): OfFile {
  const why = `It comes before ${last.file}, which is released: where that is applied, tools run this one late, refuse, or leave it out without a word.`;
  const finding = about('out-of-order', 'conditional', why, `Give it a version after that of ${last.file}.`);
  return { file, finding: { ...finding, when: `${last.file} is applied already` } };
}

function about(rule: string, verdict: FileFinding['verdict'], why: string, fix: string): FileFinding {
  return { rule, statement: '', line: 1, verdict, why, fix };
}
