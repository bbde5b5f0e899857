import type { JudgedFile } from '../model/judged-file.ts';
import { type FileFinding, type FileReversal, worstOf } from '../model/judged-file.ts';
import type { Engine } from '../model/migration-formats.ts';
import type { Migration } from '../model/release.ts';
import type { Catalogs } from '../schema-changes/compare-catalogs.ts';
import { type EachVerdict, judgeEach } from '../schema-changes/judge-each.ts';
import { judgeReversal } from '../schema-changes/judge-reversal.ts';
import { judgeSpan } from '../schema-changes/judge-span.ts';
import type { SchemaFinding } from '../schema-changes/verdict.ts';

/** Migrations to judge. */
export interface Changes {
  /** What the old code was shipped with. */
  before: readonly Migration[];
  /** In the order in which they are applied. */
  migrations: readonly Migration[];
  /** Judged by their net effect together, as one release brings them; else each for itself, as if it were a release. */
  together: boolean;
}

/**
 * One entry for each file, in the order of the migrations, and one for what only the catalogs show, where they show it.
 * @param engine undefined: all of them are code.
 */
export async function judgeChanges(
  changes: Changes,
  engine: Engine | undefined,
  catalogs?: Catalogs,
): Promise<JudgedFile[]> {
  const { migrations } = changes;
  const { findings, reversals } = engine
    ? await judged(changes, engine, catalogs)
    : { findings: [], reversals: [] };
  const byFile = new Map<string, FileFinding[]>();
  for (const finding of findings) {
    const known = byFile.get(finding.file);
    if (known) known.push(said(finding));
    else byFile.set(finding.file, [said(finding)]);
  }
  const files = new Map<string, JudgedFile>();
  for (const [i, migration] of migrations.entries()) {
    const { file } = migration;
    const own = migration.opaque === undefined || engine ? [] : [opaque(migration.opaque)];
    const reversal = migration.opaque === undefined ? (reversals[i] ?? 'unknown') : 'unknown';
    const known = files.get(file);
    files.set(file, {
      file,
      ...(engine ? { engine } : {}),
      verdict: 'safe',
      // A file of several changesets is taken back by taking all of them back.
      reversal: known ? worse(known.reversal, reversal) : reversal,
      findings: [...(known?.findings ?? byFile.get(file) ?? []), ...own],
    });
  }
  const elsewhere = findings.filter(({ file }) => !files.has(file));
  const [first] = elsewhere;
  if (first && engine)
    files.set(first.file, {
      file: first.file,
      engine,
      verdict: 'safe',
      reversal: 'unknown',
      findings: elsewhere.map(said),
    });
  return [...files.values()].map((judged) => ({ ...judged, verdict: worstOf(judged.findings) }));
}

async function judged(
  { before, migrations, together }: Changes,
  engine: Engine,
  catalogs: Catalogs | undefined,
): Promise<EachVerdict> {
  if (!together) return judgeEach({ before, migrations }, engine);
  const { findings } = await judgeSpan({ before, migrations }, engine, catalogs);
  return { findings, reversals: (await judgeReversal(migrations, engine, before)).verdicts };
}

function said(finding: SchemaFinding): FileFinding {
  const { rule, statement, line, verdict, when, why, fix, docs, catalog, allowed } = finding;
  return {
    rule,
    statement,
    line,
    verdict,
    ...(when === undefined ? {} : { when }),
    why,
    fix,
    docs,
    ...(catalog === undefined ? {} : { catalog }),
    ...(allowed === undefined ? {} : { allowed }),
  };
}

function opaque(why: string): FileFinding {
  return {
    rule: 'opaque-code',
    statement: '',
    line: 1,
    verdict: 'unknown',
    why,
    fix: 'Have a person read it, or judge the SQL that the tool itself prints for it.',
  };
}

const REVERSALS: FileReversal[] = ['lossless', 'lossy', 'unknown', 'impossible'];

function worse(a: FileReversal, b: FileReversal): FileReversal {
  return REVERSALS.indexOf(a) > REVERSALS.indexOf(b) ? a : b;
}
