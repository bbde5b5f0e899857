import type { Database } from '../adapters/database/database.ts';
import { databases } from '../adapters/database/index.ts';
import type { MigrationSource } from '../adapters/migrations/migrations.ts';
import { compareHistory } from '../checks/migration-history.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { DatabaseFacts, Known } from '../model/facts.ts';
import type { FileFinding, JudgedFile } from '../model/judged-file.ts';
import { worstOf } from '../model/judged-file.ts';
import type { MigrationFormat } from '../model/migration-formats.ts';
import type { HistoryEntry, HistoryProblem } from '../model/migration-history.ts';
import { appliedVersions } from '../model/migration-history.ts';
import type { Migration } from '../model/release.ts';
import type { Catalogs } from '../schema-changes/compare-catalogs.ts';
import { driftOf, type SchemaDifference } from '../schema-changes/compare-summaries.ts';
import { describeDifferences } from '../schema-changes/describe-differences.ts';
import { summaryOf } from '../schema-changes/schema-summary.ts';
import { accessFrom, databaseArgument } from './database-argument.ts';
import { readAtRef } from './git-files.ts';
import type { Changes } from './judge-folder.ts';
import { judgeChanges } from './judge-folder.ts';
import { readCatalogs, readPending } from './live-catalogs.ts';
import { foldersOf, readFolder, readSettings, settingsAbove } from './migration-files.ts';
import { noneRead, parse, sourceOf } from './migration-source.ts';
import { judgeQueries } from './old-code.ts';
import { systemClock } from './system-clock.ts';

/** As those of `migrations`. */
interface LiveOptions {
  paths: readonly string[];
  format: MigrationFormat | undefined;
  from: string | undefined;
  to: string | undefined;
  queries?: string | undefined;
}

/**
 * Judges the migrations of one folder by what a live database has of them: those that it does not have yet, or with `from`
 * those that it has and that release does not ship; and compares its history with the files, and its schema with the one
 * that they make in an empty database.
 */
export async function judgeLive(cwd: string, options: LiveOptions, argument: string): Promise<JudgedFile[]> {
  const { from, to } = options;
  const places = await foldersOf(cwd, options.paths);
  const [place] = places;
  if (!place || places.length > 1 || place.named) throw oneFolder();
  const { folder } = place;
  const files = to === undefined ? await readFolder(cwd, folder) : await readAtRef(cwd, to, folder);
  const released = from === undefined ? undefined : await readAtRef(cwd, from, folder);
  const source = sourceOf(place, files.length > 0 ? files : (released ?? []), options.format);
  if (!source) throw oneFolder();
  const settings = async (ref: string | undefined) =>
    ref === undefined ? readSettings(cwd, folder) : readAtRef(cwd, ref, ...settingsAbove(folder));
  const all = parse(source, [...files, ...(await settings(to))], folder);
  const before = released && parse(source, [...released, ...(await settings(from))], folder);
  if (all.length === 0 && !before?.length) throw noneRead(files, source, folder);

  const { database, facts } = await open(argument, cwd, source);
  const known = [
    ...all,
    ...(before ?? []).filter((old) => !all.some(({ version }) => version === old.version)),
  ];
  const entries = entriesOf(facts, source, known);
  const changes = changesOf(all, before, appliedVersions(entries));
  const { catalogs, drift } = await compared(database, facts, changes, before !== undefined);
  const judged = await judgeChanges(changes, facts.engine, catalogs.known ? catalogs.value : undefined);
  const own = judged.find(({ file }) => !changes.migrations.some((one) => one.file === file));
  const problems = compareHistory(entries, all, source.tool);
  const about: JudgedFile = {
    file: database.name,
    about: 'database',
    engine: facts.engine,
    verdict: 'safe',
    reversal: 'unknown',
    findings: [
      ...problems.filter(({ file }) => file === undefined).map(historyFinding),
      ...(own?.findings ?? []),
      ...(catalogs.known ? describeDifferences(drift).map(driftFinding) : [notCompared(catalogs)]),
    ],
  };
  const named = new Map(judged.filter((one) => one !== own).map((one) => [one.file, one]));
  for (const problem of problems) {
    if (problem.file === undefined) continue;
    const file = named.get(problem.file) ?? {
      file: problem.file,
      engine: facts.engine,
      verdict: 'safe' as const,
      reversal: 'unknown' as const,
      findings: [],
    };
    named.set(problem.file, { ...file, findings: [...file.findings, historyFinding(problem)] });
  }
  const old =
    options.queries === undefined
      ? []
      : await judgeQueries(cwd, options.queries, database, facts.engine, NEVER);
  return [...named.values(), about, ...old].map((one) => ({ ...one, verdict: worstOf(one.findings) }));
}

async function open(argument: string, cwd: string, source: MigrationSource) {
  const configured = await databaseArgument(argument, cwd);
  const context = {
    // No backup is taken.
    configuration: { database: configured, backup: { path: '.rollback/backups', keep: 1 } },
    configFolder: cwd,
    stateDir: cwd,
    history: source.history,
    secretKey: accessFrom(cwd).secretKey,
  };
  const database = databases[configured.kind](context);
  return { database, facts: await database.facts(NEVER) };
}

const NEVER = new AbortController().signal;

function entriesOf(
  { name, applied, historyRows }: DatabaseFacts,
  { tool, history, format }: MigrationSource,
  known: readonly Migration[],
): HistoryEntry[] {
  if (applied && historyRows) return history.read(historyRows, known);
  if (applied) return applied.map((version) => ({ version, state: 'applied' }));
  throw new RollbackError({
    code: 'HISTORY_MISSING',
    summary: `${name} has no history of ${tool}`,
    detail: `There is no table ${history.table} in it, so that what is applied is not known.`,
    fix: `Say whose files they are where it is not ${format}: --format NAME; or name the database that they are applied to.`,
    exit: EXIT.usage,
  });
}

function changesOf(
  all: readonly Migration[],
  before: readonly Migration[] | undefined,
  applied: readonly string[],
): Changes {
  const there = new Set(applied);
  if (!before) {
    const isThere = (one: Migration) => there.has(one.version);
    return {
      before: all.filter(isThere),
      migrations: all.filter((one) => !isThere(one)),
      together: true,
    };
  }
  const shipped = new Set(before.map(({ version }) => version));
  return {
    before,
    migrations: all.filter(({ version }) => there.has(version) && !shipped.has(version)),
    together: true,
  };
}

interface Compared {
  catalogs: Known<Catalogs>;
  /** How the live schema differs from the one that the applied files make. */
  drift: SchemaDifference[];
}

/** What the release shipped against what is live; or what is applied against that with what is still to come. */
async function compared(
  database: Database,
  { engine }: DatabaseFacts,
  { before, migrations }: Changes,
  sinceRelease: boolean,
): Promise<Compared> {
  if (sinceRelease) {
    const catalogs = await readCatalogs(database, engine, before, systemClock, NEVER);
    return { catalogs, drift: [] };
  }
  const found = await readPending(database, engine, before, migrations, systemClock, NEVER);
  if (!found.known) return { catalogs: found, drift: [] };
  const { applied, after, live } = found.value;
  return {
    catalogs: { known: true, value: { target: applied, live: after } },
    drift: driftOf(summaryOf(applied), summaryOf(live)),
  };
}

function historyFinding({ kind, why, fix }: HistoryProblem): FileFinding {
  const warns = kind === 'gap' || kind === 'out-of-order';
  return {
    rule: `history-${kind}`,
    statement: '',
    line: 1,
    verdict: warns ? 'conditional' : 'unknown',
    ...(warns ? { when: 'where a database that is made from the files differs from this one' } : {}),
    why,
    fix,
  };
}

function driftFinding(difference: string): FileFinding {
  return {
    rule: 'schema-drift',
    statement: '',
    line: 1,
    verdict: 'conditional',
    when: 'where code relies on the schema that the files make',
    why: `The live schema is not the one that the applied migrations make in an empty database: ${difference}.`,
    fix: 'Write a migration that makes it so, or undo it.',
  };
}

function notCompared(catalogs: Extract<Known<unknown>, { known: false }>): FileFinding {
  return {
    rule: 'schema-not-compared',
    statement: '',
    line: 1,
    verdict: 'conditional',
    when: 'where the live schema is not what the files say',
    why: `The live schema was not compared with the one that the migrations make. ${catalogs.why}`,
    fix: catalogs.fix ?? '',
  };
}

function oneFolder(): RollbackError {
  return new RollbackError({
    code: 'USAGE',
    summary: '--database needs one folder of migrations',
    detail: 'What the database has applied is compared with all files of its folder.',
    fix: 'Name the folder, e.g.: rollback-deploy-auto migrations db/migrations --database URL',
    exit: EXIT.usage,
  });
}
