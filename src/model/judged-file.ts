import type { Engine } from './migration-formats.ts';

/** As the schema verdict says it, from best to worst. */
export const FILE_VERDICTS = [
  'safe',
  'conditional',
  'unknown',
  'writes-fail',
  'reads-fail',
  'data-destroyed',
] as const;
export type FileVerdict = (typeof FILE_VERDICTS)[number];

/** Whether what a migration did can be taken back. */
export type FileReversal = 'lossless' | 'lossy' | 'impossible' | 'unknown';

/** One thing said of a migration file. */
export interface FileFinding {
  /** Stable, e.g. `drop-column`. */
  rule: string;
  /** Its spaces folded; empty where it is about the file as a whole. */
  statement: string;
  /** From 1. */
  line: number;
  verdict: FileVerdict;
  /** The condition under which something fails; left out where there is none. */
  when?: string;
  /** A sentence: what happens to the old code, or to the data. */
  why: string;
  /** A sentence: how to get rid of it; empty where there is nothing to do. */
  fix: string;
  /** The page about it, from the root of the package; left out where there is none. */
  docs?: string;
  /**
   * What the schema that the migrations make, or the live one, says of it, where it was compared: it shows it too, it does
   * not, or it alone does.
   */
  catalog?: 'agrees' | 'differs' | 'alone';
  /** Why a person allows it all the same; it does not count then. */
  allowed?: string;
}

/** What `migrations` says of one file, or of the live database. */
export interface JudgedFile {
  /** The database as people know it, e.g. `postgresql db.internal/shop`, where it is about that as a whole. */
  file: string;
  /** What it is about, where that is no migration: the live database as a whole, or queries of the old code. */
  about?: 'database' | 'queries';
  /** Left out where the migration is code and no engine was named. */
  engine?: Engine;
  /** The worst of the findings that nobody allows. */
  verdict: FileVerdict;
  reversal: FileReversal;
  findings: FileFinding[];
}

/** Whether the old code must not come back on it without a person's word. */
export function standsInTheWay({ verdict }: JudgedFile): boolean {
  return verdict !== 'safe' && verdict !== 'conditional';
}

export function worstOf(findings: readonly FileFinding[]): FileVerdict {
  const ranks = findings
    .filter(({ allowed }) => allowed === undefined)
    .map(({ verdict }) => FILE_VERDICTS.indexOf(verdict));
  return FILE_VERDICTS[Math.max(0, ...ranks)] as FileVerdict;
}
