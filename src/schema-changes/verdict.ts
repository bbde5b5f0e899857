import type { RuleId } from './rules.ts';

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
 * What a change means for the old code. `safe`: nothing, for statements that name their columns. `conditional`: depends
 * on what the code or the data does; does not stop. The others stop. `unknown`: can't be told, which counts as unsafe.
 */
export type Verdict = 'safe' | 'conditional' | 'unknown' | 'writes-fail' | 'reads-fail' | 'data-destroyed';

/** From best to worst. */
const VERDICTS: Verdict[] = ['safe', 'conditional', 'unknown', 'writes-fail', 'reads-fail', 'data-destroyed'];

export interface SchemaFinding extends Place {
  /** Stable, e.g. `drop-column`. */
  rule: RuleId;
  verdict: Verdict;
  /** The condition under which something fails; undefined where there is none. */
  when: string | undefined;
  /** A sentence: what happens to the old code, or to the data. */
  why: string;
  /** A sentence: how to get rid of it; empty where there is nothing to do. */
  fix: string;
  /** The page about the rule, from the root of the package. */
  docs: string;
  /**
   * What the live schema says of it, where it was compared: it shows it too; it does not, though it should; or it alone
   * shows it, and no statement that was read. Left out where it was not compared, and where no catalog has what it is about.
   */
  catalog?: 'agrees' | 'differs' | 'alone';
  /** Why a person allows it all the same, as the file says; it does not stop then. */
  allowed: string | undefined;
}

export interface SchemaVerdict {
  /** In the order of the migrations; `safe` ones included. */
  findings: SchemaFinding[];
}

/** Whether the old code must not run on it without a person's word. */
export function stopsOldCode(finding: SchemaFinding): boolean {
  return finding.allowed === undefined && finding.verdict !== 'safe' && finding.verdict !== 'conditional';
}

/** The worst of findings, those left out that a person allows; `safe` where there are none. */
export function worstVerdict(findings: readonly SchemaFinding[]): Verdict {
  const ranks = findings.filter((f) => f.allowed === undefined).map((f) => VERDICTS.indexOf(f.verdict));
  return VERDICTS[Math.max(0, ...ranks)] as Verdict;
}

/** Takes one finding; where no statement can be named for it, it is not the migrations' doing. */
export type Report = (
  rule: RuleId,
  verdict: Verdict,
  place: Place | undefined,
  why: string,
  fix: string,
  when?: string,
) => void;
