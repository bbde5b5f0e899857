import { decideBackup } from '../checks/backup.ts';
import { spanOf } from '../checks/migrations.ts';
import { checkReversal, type ReversalSituation, reversalObstacles } from '../checks/reversal.ts';
import type { DatabaseFacts, Facts, Known } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan, PlannedStep, ProgressLine } from '../model/plan.ts';
import type { Migration, Release } from '../model/release.ts';
import type { CountedLoss, Down, ReversalOutlook } from '../model/reversal.ts';
import { judgeDowns } from '../schema-changes/judge-downs.ts';
import type { LiveCatalog } from '../schema-changes/live-catalog.ts';
import { reachesBeyond } from '../schema-changes/replay.ts';
import { summaryOf } from '../schema-changes/schema-summary.ts';
import { statementsOf } from '../schema-changes/statements-of.ts';
import type { ReverseMigrationInput } from '../steps/reverse-migration.ts';
import type { TryReversalInput } from '../steps/try-reversal.ts';
import type { CommandContext, RollbackOptions } from './context.ts';
import { targetSchema } from './live-catalogs.ts';

/** What a plan does about migrations that the target lacks. */
export interface PlannedReversal {
  findings: Finding[];
  prove: PlannedStep[];
  first: { steps: PlannedStep[]; lines: ProgressLine[] };
  outlook: ReversalOutlook | undefined;
  /** As the database will be known once it is done. */
  facts: Facts;
}

/** A down and all attempts to get its locks, ms; `--timeout` bounds them all. */
const DOWN_MS = 10 * 60_000;
const TRIAL_MS = 60 * 60_000;

/**
 * Looks at what taking back the migrations between would do and lose, counted in the live database, and plans it where
 * it was asked for. Reads only.
 */
export async function planReversal(
  context: CommandContext,
  options: RollbackOptions,
  facts: Facts,
  to: Release,
): Promise<PlannedReversal> {
  const nothing = noReversal(facts);
  const { database, migrations: source } = context.adapters;
  const { reverseMigrations: asked = false } = options;
  if (!database || !source || !facts.database?.known || !facts.database.value.applied || !to.migrations)
    return nothing;
  const { applied, engine } = facts.database.value;
  const span = spanOf(applied, to, facts);
  const newestFirst = [...span.migrations].reverse();
  const verdict = await judgeDowns({ before: to.migrations, migrations: span.migrations }, engine);
  const losses = await counted(context, verdict.losses);
  const downs = await downsOf(newestFirst, to, facts.database.value, source.history.takeOut);
  const obstacles = [
    ...span.unknownVersions.map((version) => `${version}: applied, but no known release ships its files.`),
    ...downs.obstacles,
    ...(newestFirst.length > 0 ? placeObstacles(context, options, facts) : []),
  ];
  const current = facts.platform.releases.find(({ id }) => id === facts.platform.current);
  const situation: ReversalSituation = {
    migrations: newestFirst,
    target: to,
    current: current?.version ?? 'what runs now',
    verdict,
    losses,
    obstacles,
    notes: database.supportsTransactionalDdl ? [] : [piecemeal(downs.downs)],
  };
  const outlook: ReversalOutlook | undefined =
    newestFirst.length === 0
      ? undefined
      : {
          asked,
          migrations: newestFirst.map(({ version, file }) => ({ version, file })),
          losses,
          obstacles: reversalObstacles(situation),
        };
  if (!asked) return { ...nothing, outlook };
  const findings = checkReversal(situation);
  if (!outlook || outlook.obstacles.length > 0) return { ...nothing, findings, outlook };
  const known = (current?.migrations ?? to.migrations).map(({ version }) => version);
  const target = await targetSchema(context, engine, to.migrations);
  return { ...stepsFor(downs.downs, known, target), findings, outlook, facts: without(facts, newestFirst) };
}

/** Nothing is taken back. */
export function noReversal(facts: Facts): PlannedReversal {
  return { findings: [], prove: [], first: { steps: [], lines: [] }, outlook: undefined, facts };
}

/** The reversal as it was planned first: a plan that is made anew goes on with it. */
export function sameReversal(asked: Plan, facts: Facts): PlannedReversal {
  const of = (kind: string) => asked.steps.filter((step) => step.kind === kind);
  const steps = of('reverse-migration');
  const ids = new Set(steps.map(({ id }) => id));
  const lines = asked.lines.filter((line) => line.steps.length > 0 && line.steps.every((id) => ids.has(id)));
  return { findings: [], prove: of('try-reversal'), first: { steps, lines }, outlook: asked.reversal, facts };
}

/** What is so where a down can't be one transaction. */
function piecemeal(downs: readonly Down[]): string {
  const count = downs.reduce((sum, { statements }) => sum + statements.length, 0);
  return `This engine commits each statement by itself, ${count} in all: one that is cut off goes on with the next, and one that fails leaves those before it. Nothing keeps a migration tool out meanwhile.`;
}

/** Why it can't be tried or run here. */
function placeObstacles(
  { configuration, clock }: CommandContext,
  options: RollbackOptions,
  facts: Facts,
): string[] {
  const { take } = decideBackup(facts.database, options, configuration.backup, clock.now());
  const first = 'the downs are tried on a restored copy of the backup first';
  return [
    ...(take ? [] : [`No backup is to be taken that could be restored now, and ${first}.`]),
    ...(configuration.backup.verify === 'none' ? [`backup.verify is none, and ${first}.`] : []),
  ];
}

async function counted(
  { adapters, clock: _, stop }: CommandContext,
  losses: Parameters<NonNullable<CommandContext['adapters']['database']>['countLosses']>[0],
): Promise<CountedLoss[]> {
  if (losses.length === 0 || !adapters.database) return [];
  return adapters.database.countLosses(losses, stop.immediate);
}

/** What the database is told for each, and why it can't be told for some. */
async function downsOf(
  migrations: readonly Migration[],
  to: Release,
  { engine, applied = [], history }: DatabaseFacts,
  takeOut:
    | ((version: string, previous: string | undefined, engine: DatabaseFacts['engine']) => string)
    | undefined,
): Promise<{ downs: Down[]; obstacles: string[] }> {
  const tool = history?.tool ?? 'The migration tool';
  if (!takeOut && migrations.length > 0)
    return {
      downs: [],
      obstacles: [`${tool} has no downs in SQL: take the migrations back with the tool itself.`],
    };
  const obstacles: string[] = [];
  const downs: Down[] = [];
  for (const { version, file, down, opaque, transaction = true } of migrations) {
    const previous = applied[applied.indexOf(version) - 1];
    if (down === undefined) obstacles.push(`${file}: ${opaque ?? 'there is no down, or an empty one.'}`);
    else if (down.includes('${'))
      obstacles.push(`${file}: the down has placeholders, which only ${tool} can fill in.`);
    else {
      const statements = await statementsOf(down, engine);
      for (const beyond of await reachesBeyond(down, engine))
        obstacles.push(`${file}: the down, line ${beyond}: run it with ${tool}.`);
      if (!transaction || statements.controls)
        obstacles.push(`${file}: the down does not run in one transaction: run it with ${tool}.`);
      for (const untold of statements.untold)
        obstacles.push(
          `${file}: the down: ${untold.text}: after a crash nobody could tell whether it took effect. ${untold.why}`,
        );
      downs.push({
        version,
        file,
        statements: statements.statements,
        history: takeOut?.(version, previous, engine) ?? '',
        transaction,
      });
    }
  }
  // The tool goes back step by step; one that is applied before what the target ships can't be taken back alone.
  const last = applied.slice(applied.length - migrations.length);
  const between = last.filter((version) => to.migrations?.some((one) => one.version === version));
  if (between.length > 0)
    obstacles.push(
      `${between.join(', ')} of ${to.version} was applied after them, and would have to be taken back, too.`,
    );
  return { downs, obstacles };
}

function stepsFor(
  downs: Down[],
  known: string[],
  target: Known<LiveCatalog>,
): Pick<PlannedReversal, 'prove' | 'first'> {
  const schema = target.known ? { target: summaryOf(target.value) } : { notCompared: target.why };
  const trial: TryReversalInput = { downs, known, backup: 'back-up-database', ...schema };
  const common = { after: [], safePoint: true };
  const steps = downs.map((down): PlannedStep => {
    const input: ReverseMigrationInput = { down, known, trial: 'try-reversal' };
    const id = `reverse-migration:${down.version}`;
    const step = { ...common, id, kind: 'reverse-migration', input, timeoutMs: DOWN_MS };
    return { ...step, phase: 'move', settles: true };
  });
  return {
    prove: [
      {
        ...common,
        after: ['back-up-database'],
        id: 'try-reversal',
        kind: 'try-reversal',
        phase: 'prove',
        input: trial,
        timeoutMs: TRIAL_MS,
      },
    ],
    first: {
      steps,
      lines: steps.map(({ id }, i) => ({
        label: `Taking back ${downs[i]?.version} (migration ${i + 1}/${steps.length})`,
        doneWord: 'done',
        steps: [id],
      })),
    },
  };
}

/** As the history will be. */
function without(facts: Facts, gone: readonly Migration[]): Facts {
  const { database } = facts;
  if (!database?.known) return facts;
  const versions = new Set(gone.map(({ version }) => version));
  const { value } = database;
  return {
    ...facts,
    database: {
      known: true,
      value: {
        ...value,
        applied: value.applied?.filter((version) => !versions.has(version)),
        ...(value.history && {
          history: {
            ...value.history,
            entries: value.history.entries.filter(({ version }) => !versions.has(version)),
          },
        }),
      },
    },
  };
}
