import type { RunRecord } from '../model/record.ts';
import { columns } from './columns.ts';
import { errorLines, findingLines } from './finding-lines.ts';
import { formatBytes, formatDuration, formatMoment, plain, stopped } from './format.ts';
import { outcome } from './history-table.ts';
import { cutText, reconcilerLines } from './left-over-lines.ts';
import { monitorLines } from './monitor-lines.ts';
import { drainedText, failedRequestsText } from './record-markdown.ts';

/** One run for `show`, as text. Ends without a line break. */
export function recordText(record: RunRecord): string {
  const took = record.endedAt === undefined ? 'no end yet' : formatDuration(record.durationMs);
  const facts = columns([
    ['Run:', record.runId],
    ['Target:', record.target],
    ['From:', `${record.from.version} (${record.from.id}, ${record.from.digest || 'digest unknown'})`],
    ['To:', `${record.to.version} (${record.to.id}, ${record.to.digest || 'digest unknown'})`],
    ['Strategy:', record.strategy],
    ['Reason:', record.reason ?? 'not given'],
    ['By:', record.by],
    ['Started:', formatMoment(record.startedAt)],
    [
      'Took:',
      record.movedMs === undefined ? took : `${took}, of which moving ${formatDuration(record.movedMs)}`,
    ],
    [
      'Outcome:',
      record.exit === undefined ? outcome(record) : `${outcome(record)} (exit code ${record.exit})`,
    ],
    ['Why:', stopped(record.why)],
    ['Production:', stopped(record.production)],
    ['Requests failed:', failedRequestsText(record)],
    ['Drained:', drainedText(record)],
    ['Connections cut:', cutText(record.drained, record.noun)],
    ...backup(record),
    ['Plan hash:', record.planHash],
  ]);
  const lines = [
    ...facts,
    ...section('Held by:', holders(record)),
    ...section('Pre-rollback checks:', record.checks.flatMap(findingLines)),
    ...section('Steps:', steps(record)),
    ...section(
      'Reconcilers:',
      reconcilerLines(record.reconcilers).map((text) => `  ${text}`),
    ),
    ...section('Post-rollback validation:', record.validation.flatMap(findingLines)),
    ...section('Monitor:', record.monitor ? monitorLines(record.monitor).map((text) => `  ${text}`) : []),
  ];
  return lines.map(plain).join('\n');
}

function section(heading: string, body: string[]): string[] {
  return body.length === 0 ? [] : ['', heading, ...body];
}

function backup({ backup: taken, restorePoint }: RunRecord): string[][] {
  if (taken) {
    const { path, bytes, sha256 } = taken;
    return [
      ['Backup:', `${path}, ${formatBytes(bytes)}`],
      ['', `SHA-256 ${sha256}`],
    ];
  }
  if (!restorePoint) return [['Backup:', 'none taken']];
  const { name, position, tool, base, restore } = restorePoint;
  return [
    ['Restore point:', `${name} at ${position}, archived (${tool}; from backup ${base.name})`],
    ['', restore],
  ];
}

function holders({ holders: all }: RunRecord): string[] {
  return columns(
    all.map(({ at, purpose, holder }) => [
      `  ${formatMoment(at)}`,
      purpose,
      `${holder.user} on ${holder.host}, process ${holder.pid}`,
    ]),
  );
}

function steps({ steps: all }: RunRecord): string[] {
  const rows = columns(
    all.map(({ id, phase, state, at, tookMs }) => [
      `  ${formatMoment(at)}`,
      phase,
      id,
      tookMs === undefined ? state : `${state} in ${formatDuration(tookMs)}`,
    ]),
  );
  return all.flatMap(({ error }, i) => [rows[i] as string, ...(error ? errorLines(error) : [])]);
}
