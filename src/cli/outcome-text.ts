import type { DoctorResult } from '../commands/doctor.ts';
import type { InitResult } from '../commands/init.ts';
import type { RbacResult } from '../commands/init-rbac.ts';
import type { LocalDeploy } from '../commands/local-deploy.ts';
import type { LocalStart } from '../commands/local-start.ts';
import type { LocalStatus } from '../commands/local-status.ts';
import type { LocalStop } from '../commands/local-stop.ts';
import type { RestoreRecord } from '../commands/restore.ts';
import type { SnapshotResult } from '../commands/snapshot.ts';
import type { WrittenReversal } from '../commands/write-reversal.ts';
import type { JudgedFile } from '../model/judged-file.ts';
import type { Plan } from '../model/plan.ts';
import type { MonitorResult, RunRecord } from '../model/record.ts';
import type { ReleaseRow, ServiceStatus } from '../model/views.ts';

/** The outcome of a command, as far as its text depends on it. */
interface Outcome {
  json: unknown;
  error?: { code: string };
}

/**
 * The text of a command's result on stdout, without a line break at its end; undefined where the command has told it
 * while it worked. Each text is loaded only when it is needed.
 */
export async function outcomeText(command: string, { json, error }: Outcome): Promise<string | undefined> {
  switch (command) {
    case 'plan':
      return (await import('../report/text-plan.ts')).textPlan(json as Plan);
    case 'rollback':
      if (error?.code !== 'REFUSED') return undefined;
      return (await import('../report/text-plan.ts')).textRefusal(json as Plan);
    case 'check':
      return checkText(json as Plan, error !== undefined);
    case 'releases':
      return (await import('../report/releases-table.ts')).releasesTable(json as ReleaseRow[]);
    case 'migrations':
      if (!Array.isArray(json))
        return (await import('../commands/write-reversal.ts')).writtenReversalText(json as WrittenReversal);
      return (await import('../report/migrations-text.ts')).migrationsText(json as JudgedFile[]);
    case 'status':
      return (await import('../report/status-text.ts')).statusText(json as ServiceStatus);
    case 'history':
      return historyText(json as RunRecord[]);
    case 'show':
      return showText(json as RunRecord | Plan);
    case 'monitor':
      return (await import('../report/monitor-lines.ts')).monitorLines(json as MonitorResult).join('\n');
    case 'restore':
      if (error) return undefined;
      return (await import('../commands/restore.ts')).restoreText(json as RestoreRecord);
    case 'snapshot':
      return (await import('../commands/snapshot.ts')).snapshotText(json as SnapshotResult);
    case 'local start':
      return localStartText(json as LocalStart);
    case 'local deploy':
      return localDeployText(json as LocalDeploy);
    case 'local status':
      return localStatusText(json as LocalStatus);
    case 'local stop':
      return localStopText(json as LocalStop);
    case 'init':
      if ('manifest' in (json as object)) return (json as RbacResult).manifest.trimEnd();
      return initText(json as InitResult);
    case 'doctor':
      return doctorText(json as DoctorResult);
    default:
      return undefined;
  }
}

async function checkText(plan: Plan, refused: boolean): Promise<string> {
  if (refused) return (await import('../report/text-plan.ts')).textRefusal(plan);
  const { headerLines, checkLines } = await import('../report/text-lines.ts');
  const lines = [...headerLines(plan), ...checkLines(plan)].map(({ text }) => text);
  return [...lines, '', `A rollback to ${plan.to.version} could begin now.`, 'Nothing was changed.'].join(
    '\n',
  );
}

async function showText(shown: RunRecord | Plan): Promise<string> {
  if ('steps' in shown && 'preconditions' in shown)
    return (await import('../report/text-plan.ts')).textPlan(shown);
  return (await import('../report/record-text.ts')).recordText(shown);
}

async function historyText(records: RunRecord[]): Promise<string> {
  if (records.length === 0) return 'No runs yet.';
  return (await import('../report/history-table.ts')).historyTable(records);
}

function initText({ file, written, found }: InitResult): string {
  const said = written ? `Wrote ${file}` : `${file} is there already, with the same text`;
  return [found.length === 0 ? `${said}.` : `${said}:`, ...found.map((sentence) => `  ${sentence}`)].join(
    '\n',
  );
}

function doctorText({ diagnoses }: DoctorResult): string {
  const lines = diagnoses.flatMap(({ status, title, fix }) => [
    `  [${status.toUpperCase()}] ${title.replaceAll('\n', '\n    ')}`,
    ...fix.flatMap((way) => way.split('\n')).map((way) => `    ${way}`),
  ]);
  const failed = diagnoses.filter(({ status }) => status === 'fail').length;
  const open = diagnoses.filter(({ status }) => status === 'warn' || status === 'unknown').length;
  const things = (n: number) => (n === 1 ? '1 thing' : `${n} things`);
  const verdict =
    failed > 0
      ? `${things(failed)} in the way of a rollback.`
      : `Nothing found in the way of a rollback${open > 0 ? `; ${things(open)} worth a look` : ''}.`;
  return [...lines, '', verdict].join('\n');
}

function localStartText({ target, started, supervisor, url, serving }: LocalStart): string {
  const began = started ? 'Started' : 'Runs already:';
  return `${began} ${target} at ${url} (supervisor process ${supervisor}); ${count(serving)} serving.`;
}

function localDeployText({ target, release, instances, canary, tookMs }: LocalDeploy): string {
  const what = canary ? `${count(instances)} as a canary` : count(instances);
  return `Deployed ${release.version} (${release.id}) to ${target}: ${what}, in ${(tookMs / 1000).toFixed(1)}s.`;
}

async function localStatusText(status: LocalStatus): Promise<string> {
  const { statusText } = await import('../report/status-text.ts');
  const { supervisor, proxy, processes, problems, logs } = status;
  const lines = [await statusText(status), `Supervisor: process ${supervisor.pid}`];
  if (proxy) {
    const { requests, restarts } = proxy.lost;
    lines.push(
      `Proxy: process ${proxy.pid} on ${proxy.host}:${proxy.port}, restarted ${restarts} times, lost ${requests} requests`,
    );
  } else lines.push('Proxy: does not answer');
  for (const [id, { pid, port, restarts }] of Object.entries(processes)) {
    lines.push(`  ${id}: process ${pid ?? 'none'} on port ${port}, restarted ${restarts} times`);
  }
  return [...lines, ...problems.map((problem) => `[WARN] ${problem}`), `Logs: ${logs}`].join('\n');
}

function localStopText({ target, stopped, instances }: LocalStop): string {
  return stopped ? `Stopped ${target}: ${count(instances)} ended.` : `${target} did not run.`;
}

function count(instances: number): string {
  return `${instances} ${instances === 1 ? 'instance' : 'instances'}`;
}
