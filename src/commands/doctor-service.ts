import { resolve } from 'node:path';
import type { Adapters } from '../adapters/adapters.ts';
import type { Wanted } from '../adapters/platform/platform.ts';
import { type Composed, compose } from '../compose.ts';
import { describeProduction } from '../engine/production.ts';
import type { PlatformFacts } from '../model/facts.ts';
import type { Release } from '../model/release.ts';
import type { RestorePointOutlook } from '../model/restore-point.ts';
import type { RunState } from '../model/run-state.ts';
import { type Diagnosis, failure, ok } from './diagnosis.ts';
import { freeSpace } from './doctor-state.ts';
import type { SelectedService } from './select-service.ts';
import { systemClock } from './system-clock.ts';
import { unfinishedRun } from './unfinished.ts';

/** Longest wait for one answer, ms. */
const LOOK_MS = 10_000;

/** Platform, registry, database, health and unfinished runs of one service. */
export async function examineService(
  service: SelectedService,
  { fix }: { fix: boolean },
): Promise<Diagnosis[]> {
  const { serviceName: name, configuration, configFolder } = service;
  let composed: Composed;
  try {
    composed = await compose({ ...service, clock: systemClock });
  } catch (error) {
    return [failure(`Service ${name}`, error)];
  }
  const { adapters, kubernetes } = composed;
  const cluster = kubernetes
    ? await (await import('./doctor-kubernetes.ts')).examineCluster({
        service,
        composed: { ...composed, kubernetes },
        fix,
        deadline,
      })
    : [];
  const { platform, facts } = await examinePlatform(adapters, name);
  const run = await attempt('Runs', () => unfinishedRun(adapters.store, name));
  return [
    ...cluster,
    ...platform,
    ...(facts ? await examineRegistry(adapters, facts) : []),
    ...(await examineDatabase(adapters, resolve(configFolder, configuration.backup.path))),
    ...(facts ? await examineHealth(adapters, facts) : []),
    ...('problem' in run ? [run.problem] : examineRun(name, run.value)),
    ...(facts && !('problem' in run) ? leftovers(facts, run.value) : []),
  ];
}

async function examinePlatform(
  { platform }: Adapters,
  name: string,
): Promise<{ platform: Diagnosis[]; facts: PlatformFacts | undefined }> {
  const facts = await attempt(`Platform of ${name}`, () => platform.facts(deadline()));
  if ('problem' in facts) return { platform: [facts.problem], facts: undefined };
  const { value } = facts;
  if (value.current === undefined) {
    const title = `Platform ${value.target} answers; nothing is deployed on it yet`;
    return { platform: [{ status: 'warn', title, fix: ['Deploy a version first.'] }], facts: value };
  }
  const found = await attempt('Platform preflight', () =>
    platform.preflight(value, likelyRollback(value), deadline()),
  );
  const findings =
    'problem' in found
      ? [found.problem]
      : found.value.findings
          .filter(({ status }) => status !== 'ok' && status !== 'skipped')
          .map(
            ({ status, title, fix }): Diagnosis => ({ status: status as Diagnosis['status'], title, fix }),
          );
  return {
    platform: [ok(`Platform ${value.target} answers: ${describeProduction(value)}`), ...findings],
    facts: value,
  };
}

/** What would be asked for if it had to be now: the release before the current one. */
function likelyRollback({ releases, current }: PlatformFacts): Wanted {
  const at = releases.findIndex(({ id }) => id === current);
  const to = (releases[at + 1] ?? releases[at]) as Release;
  return { runId: 'doctor', to, strategy: 'rolling', reason: undefined, batch: 1, restoreSecrets: [] };
}

async function examineRegistry({ registry }: Adapters, facts: PlatformFacts): Promise<Diagnosis[]> {
  const newest = facts.releases[0];
  if (!newest)
    return [{ status: 'unknown', title: `Registry ${registry.name}: no release to look for yet`, fix: [] }];
  const image = await attempt(`Registry ${registry.name}`, () => registry.lookUp(newest.image, deadline()));
  if ('problem' in image) return [image.problem];
  const what = `${newest.image.reference} (${newest.id})`;
  if (image.value.exists) return [ok(`Registry ${registry.name} is readable and has ${what}`)];
  const title = `Registry ${registry.name} is readable, but lacks ${what} or a part of it`;
  return [{ status: 'warn', title, fix: [`Put the image back by its digest: ${newest.image.digest}`] }];
}

async function examineDatabase({ database }: Adapters, backups: string): Promise<Diagnosis[]> {
  if (!database) {
    const title = 'Database: none configured; schema compatibility is not checked, nothing is backed up';
    return [
      { status: 'unknown', title, fix: ['Where there is one, name it in rollback.yaml under database.'] },
    ];
  }
  const facts = await attempt(`Database ${database.name}`, () => database.facts(deadline()));
  if ('problem' in facts) return [facts.problem];
  const { applied, sizeBytes, restorePoint } = facts.value;
  const history = applied === undefined ? 'no migration history' : `${applied.length} applied migrations`;
  const readable: Diagnosis =
    applied === undefined
      ? {
          status: 'warn',
          title: `Database ${database.name} is readable; it has ${history}`,
          fix: ['Without one it is not known which changes the target lacks.'],
        }
      : ok(`Database ${database.name} is readable; it has ${history}`);
  if (restorePoint?.configured) return [readable, examineRestorePoint(restorePoint)];
  const space = await attempt('Space for backups', () => freeSpace(backups));
  if ('problem' in space) return [readable, space.problem];
  // A dump and the scratch copy that proves it.
  if (space.value === undefined || space.value >= 3 * sizeBytes) return [readable];
  const title = `Backups: ${Math.round(space.value / 1e6)} MB are free at ${backups}, and the database has ${Math.round(sizeBytes / 1e6)} MB`;
  const fix = ['Make space, or set backup.path in rollback.yaml to a folder on another disk.'];
  return [readable, { status: 'warn', title, fix }];
}

function examineRestorePoint({ tool, base, problem }: RestorePointOutlook): Diagnosis {
  if (problem) {
    const title = `Restore points: none can be recorded with ${tool}. ${problem.why}`;
    return { status: 'fail', title, fix: [problem.fix] };
  }
  return ok(
    `Restore points: ${tool} can be recorded in; its newest backup is ${base?.name}, taken ${base?.at}`,
  );
}

async function examineHealth({ health }: Adapters, facts: PlatformFacts): Promise<Diagnosis[]> {
  if (facts.current === undefined) return [];
  const result = await attempt(`Health ${health.name}`, () => health.probe(deadline()));
  if ('problem' in result) return [result.problem];
  const title = `Health ${health.name}: ${result.value.says}`;
  if (result.value.ok) return [ok(title)];
  if (result.value.unknown) {
    const [why = '', ...fix] = result.value.says.split('\n');
    return [{ status: 'unknown', title: `Health ${health.name}: ${why}`, fix }];
  }
  return [{ status: 'warn', title, fix: ['See what runs: rollback-deploy-auto status'] }];
}

function examineRun(name: string, run: RunState | undefined): Diagnosis[] {
  if (!run) return [ok(`No run of ${name} is unfinished`)];
  return [
    {
      status: 'warn',
      title: `Run ${run.runId} of ${name} (${run.asked.from.version} -> ${run.asked.to.version}) has not come to its end`,
      fix: [
        'See who moves it: rollback-deploy-auto status',
        `Go on: rollback-deploy-auto resume ${run.runId}`,
        `Go back: rollback-deploy-auto abort ${run.runId}`,
      ],
    },
  ];
}

/** Instances that get no requests, are not kept warm on purpose, and belong to no run. */
function leftovers({ instances }: PlatformFacts, run: RunState | undefined): Diagnosis[] {
  if (run) return [];
  return instances
    .filter(
      ({ inRotation, warmUntil, state }) => !inRotation && warmUntil === undefined && state !== 'starting',
    )
    .map(({ id, state }) => ({
      status: 'warn',
      title: `Left over: ${id} (${state}) gets no requests and belongs to no run`,
      fix: ['See what it is: rollback-deploy-auto status'],
    }));
}

async function attempt<T>(
  what: string,
  look: () => Promise<T>,
): Promise<{ value: T } | { problem: Diagnosis }> {
  try {
    return { value: await look() };
  } catch (error) {
    return { problem: failure(what, error) };
  }
}

function deadline(): AbortSignal {
  return AbortSignal.timeout(LOOK_MS);
}
