import type { DatabaseFacts, Facts, Known, MigrationSpan } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { HistoryProblem } from '../model/migration-history.ts';
import type { Migration, Release } from '../model/release.ts';
import type { ReversalOutlook } from '../model/reversal.ts';
import type { Catalogs } from '../schema-changes/compare-catalogs.ts';
import { judgeSpan } from '../schema-changes/judge-span.ts';
import type { SchemaFinding } from '../schema-changes/verdict.ts';
import { stopsOldCode } from '../schema-changes/verdict.ts';
import { comparisonOf, evidenceOf } from './migration-evidence.ts';
import { compareHistory } from './migration-history.ts';
import { lostByReversal, unique, waysOut } from './ways-out.ts';

const WAIVER = 'Go on all the same: add --accept migrations --reason TEXT';

/**
 * The target's code can run on the live schema: judged from what the live database says is applied, less what the
 * target shipped. Reads nothing but the facts; loads the SQL parser only where there is SQL to read.
 * @param catalogs The target's schema and the live one; where they are known their difference is judged too.
 */
export async function checkMigrations(
  facts: Facts,
  target: Release,
  reversal?: ReversalOutlook,
  catalogs?: Known<Catalogs>,
): Promise<Finding[]> {
  const { database } = facts;
  if (!database) {
    return [unknown('Database: none configured; schema compatibility not checked', [], [], false)];
  }
  const title = 'Database migrations between versions could not be checked';
  if (!database.known)
    return [unknown(title, [database.why], [database.fix ?? 'Mend the database or its configuration.'])];
  const { applied, name, engine } = database.value;
  if (!applied) {
    const why = `${name} has no migration history, so that what is applied is not known.`;
    return [unknown(title, [why], ['Set database.migrations.format in rollback.yaml to the tool in use.'])];
  }
  if (!target.migrations) {
    const unread = facts.unreadMigrations?.[target.id];
    const why = `Which migrations ${target.version} ships was not recorded.`;
    const fix = unread?.fix ?? 'Choose a version whose migrations are known: rollback-deploy-auto releases';
    return [unknown(title, unread ? [why, unread.why] : [why], [fix])];
  }
  const problems = historyProblems(facts, database.value);
  const unfinished = problems.filter(({ kind }) => kind === 'failed');
  if (unfinished.length > 0) return [unfinishedFinding(unfinished, name)];
  const others = problems.filter(({ kind }) => kind !== 'missing-file');
  return [
    ...(await compared(facts, target, applied, name, engine, reversal, catalogs)),
    ...others.slice(0, 1).map(() => disorder(others, name)),
  ];
}

async function compared(
  facts: Facts,
  target: Release,
  applied: string[],
  name: string,
  engine: DatabaseFacts['engine'],
  reversal: ReversalOutlook | undefined,
  catalogs: Known<Catalogs> | undefined,
): Promise<Finding[]> {
  const shipped = target.migrations ?? [];
  const behind = shipped.filter(({ version }) => !applied.includes(version));
  if (behind.length > 0) return [behindFinding(behind, target, name)];
  const span = spanOf(applied, target, facts);
  if (span.migrations.length === 0 && span.unknownVersions.length === 0) {
    return [ok([`Every applied migration of ${name} is one that ${target.version} ships.`])];
  }
  const both = catalogs?.known ? catalogs.value : undefined;
  const { findings } = await judgeSpan({ before: shipped, migrations: span.migrations }, engine, both);
  const finding = await judged(span, findings, target, facts, engine, reversal);
  return [
    { ...finding, evidence: [...finding.evidence, ...comparisonOf(catalogs, findings, target.version)] },
  ];
}

/** What is applied and the target does not ship, oldest first, with the SQL of the newest release that ships it. */
export function spanOf(applied: string[], target: Release, facts: Facts): MigrationSpan {
  const shipped = new Map<string, Migration>();
  for (const release of [...facts.platform.releases].reverse()) {
    for (const migration of release.migrations ?? []) shipped.set(migration.version, migration);
  }
  const known = new Set(target.migrations?.map((migration) => migration.version));
  const newer = applied.filter((version) => !known.has(version));
  return {
    migrations: newer.flatMap((version) => shipped.get(version) ?? []),
    unknownVersions: newer.filter((version) => !shipped.has(version)),
  };
}

async function judged(
  span: MigrationSpan,
  findings: SchemaFinding[],
  target: Release,
  facts: Facts,
  engine: DatabaseFacts['engine'],
  reversal: ReversalOutlook | undefined,
): Promise<Finding> {
  const { migrations, unknownVersions } = span;
  const stopping = findings.filter(stopsOldCode);
  const allowed = findings.filter((finding) => finding.allowed !== undefined);
  const conditional = findings.filter(
    ({ verdict, allowed }) => verdict === 'conditional' && allowed === undefined,
  );
  const said = new Set([...stopping, ...conditional, ...allowed].map((finding) => finding.version));
  const safe = migrations.filter((migration) => !said.has(migration.version));
  const evidence = [
    ...unknownVersions.map((version) => `${version}: applied, but no known release ships its SQL.`),
    ...(unknownVersions.length > 0 ? unreadReleases(facts) : []),
    ...[...stopping, ...conditional, ...allowed].map(evidenceOf),
    ...safe.map(({ file }) => `${file}: safe for ${target.version}.`),
  ];
  if (stopping.length === 0 && unknownVersions.length === 0) {
    if (conditional.length === 0) return ok(evidence);
    const title = `No destructive database migrations between versions; ${count(conditional.length, 'change')} to know of`;
    return { ...ok(evidence), status: 'warn', title, fix: unique(conditional.map((finding) => finding.fix)) };
  }
  const { platform } = facts;
  const current = platform.releases.find((release) => release.id === platform.current)?.version ?? 'now';
  const between = `between ${target.version} and ${current}`;
  const fix = [...(await waysOut(span, stopping, target, engine, reversal)), WAIVER];
  evidence.push(...lostByReversal(reversal));
  const certain = stopping.filter((finding) => finding.verdict !== 'unknown');
  if (certain.length === 0) {
    const unread = new Set([...unknownVersions, ...stopping.map((finding) => finding.version)]);
    return unknown(`${count(unread.size, 'database migration')} ${between} can't be judged`, evidence, fix);
  }
  const destructive = new Set(
    certain.filter(({ catalog }) => catalog !== 'alone').map((finding) => finding.version),
  ).size;
  return {
    ...ok(evidence),
    status: 'fail',
    title:
      destructive > 0
        ? `${count(destructive, 'destructive migration')} ${between}`
        : `The live schema lacks what ${target.version} needs`,
    blocking: true,
    fix,
  };
}

/** Releases that may ship it, for all that is known. */
function unreadReleases({ platform, unreadMigrations = {} }: Facts): string[] {
  return platform.releases.flatMap(({ id, version }) => {
    const unread = unreadMigrations[id];
    return unread ? [`What ${version} ships is not known. ${unread.why}`] : [];
  });
}

/** What is not right between the live history and the files of the release that runs. */
function historyProblems({ platform }: Facts, { history }: DatabaseFacts): HistoryProblem[] {
  const current = platform.releases.find((release) => release.id === platform.current);
  if (!history) return [];
  const { entries, tool } = history;
  // Without its files, those that failed are all that can be told.
  if (!current?.migrations) return compareHistory(entries, [], tool).filter(({ kind }) => kind === 'failed');
  return compareHistory(entries, current.migrations, tool);
}

function unfinishedFinding(problems: HistoryProblem[], name: string): Finding {
  const title = `${count(problems.length, 'migration')} of ${name} ${problems.length === 1 ? 'is' : 'are'} not finished`;
  const fix = unique(problems.map((problem) => problem.fix));
  return {
    ...unknown(
      title,
      problems.map(({ why }) => why),
      fix,
    ),
    status: 'fail',
  };
}

function disorder(problems: HistoryProblem[], name: string): Finding {
  return {
    ...ok(problems.map(({ why }) => why)),
    status: 'warn',
    title: `The migration history of ${name} is not in order`,
    fix: unique(problems.map(({ fix }) => fix)),
    headline: false,
  };
}

function behindFinding(behind: Migration[], target: Release, name: string): Finding {
  const plural = count(behind.length, 'migration');
  return {
    ...ok(behind.map(({ file }) => `${file}: shipped by ${target.version}, not applied to ${name}.`)),
    status: 'fail',
    title: `The database lacks ${plural} that ${target.version} needs`,
    blocking: true,
    fix: [`Apply them with the files of ${target.version}, then run the command again.`, WAIVER],
  };
}

function ok(evidence: string[]): Finding {
  return {
    check: 'migrations',
    status: 'ok',
    title: 'No destructive database migrations between versions',
    evidence,
    blocking: false,
    fix: [],
    headline: true,
  };
}

function unknown(title: string, evidence: string[], fix: string[], blocking = true): Finding {
  const ways = !blocking || fix.includes(WAIVER) ? fix : [...fix, WAIVER];
  return { ...ok(evidence), status: 'unknown', title, blocking, fix: ways };
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
