/** Where in the migrations something is said. */
export interface Place {
  version: string;
  file: string;
  /** From 1, in the file. */
  line: number;
  /** The statement, its spaces folded, at most 120 characters. */
  statement: string;
}

/**
 * What a change means for the old code. `safe`: nothing. `conditional`: depends on what the code or the data does;
 * does not stop. The others stop. `unknown`: can't be told, which counts as the worst.
 */
export type Verdict = 'safe' | 'conditional' | 'unknown' | 'writes-fail' | 'reads-fail' | 'data-destroyed';

export interface SchemaFinding extends Place {
  /** Stable, e.g. `drop-column`. */
  rule: string;
  verdict: Verdict;
  /** A sentence: what happens to the old code, or to the data. */
  why: string;
  /** A sentence: how to get rid of it. */
  fix: string;
}

export interface SchemaVerdict {
  /** In the order of the migrations; `safe` ones included. */
  findings: SchemaFinding[];
}

/** Whether the old code must not run on it without a person's word. */
export function stopsOldCode(finding: SchemaFinding): boolean {
  return finding.verdict !== 'safe' && finding.verdict !== 'conditional';
}

/** Takes one finding; where no statement can be named for it, it is not the migrations' doing. */
export type Report = (
  rule: string,
  verdict: Verdict,
  place: Place | undefined,
  why: string,
  fix: string,
) => void;
