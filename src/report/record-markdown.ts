import type { Finding } from '../model/finding.ts';
import type { RunRecord } from '../model/record.ts';
import { STATUS_WORDS } from './finding-lines.ts';
import { formatBytes, formatDuration, formatMoment, plain, stopped, unstopped } from './format.ts';
import { cutText, reconcilerLines } from './left-over-lines.ts';
import { monitorLines } from './monitor-lines.ts';

/** The record of a run as Markdown (CommonMark with tables), for people; ends with what is theirs to fill in. */
export function recordMarkdown(record: RunRecord): string {
  const { from, to } = record;
  const parts = [
    `# Rollback of ${text(record.service)}: ${text(from.version)} to ${text(to.version)}`,
    whatHappened(record),
    table(
      ['', ''],
      [
        ['From', `${text(from.version)} (${from.id}, \`${from.digest || 'digest unknown'}\`)`],
        ['To', `${text(to.version)} (${to.id}, \`${to.digest || 'digest unknown'}\`)`],
        ['Who', text(record.by)],
        ['When', period(record)],
        ['Why', text(record.reason ?? 'not given')],
        ['Strategy', record.strategy],
        ['Target', text(record.target)],
        ['Run', `\`${record.runId}\``],
        ['Exit code', record.exit === undefined ? 'none yet' : String(record.exit)],
        ['Plan hash', `\`${record.planHash}\``],
      ],
    ),
    '## Pre-rollback checks',
    findings(record.checks, 'No check was made.'),
    '## What moved',
    moved(record),
    '## Requests failed',
    stopped(capital(failedRequestsText(record))),
    '## Connections cut',
    cutSentence(record),
    ...reconcilers(record),
    '## Backup',
    backup(record),
    '## Validation',
    findings(record.validation, 'Nothing was validated.'),
    '## Monitor',
    record.monitor ? list(monitorLines(record.monitor)) : 'Not watched.',
    '## Forward fix',
    ...[
      'What was wrong',
      'How it will be fixed',
      'What will keep it from happening again',
      'Who, and by when',
    ].map((heading) => `### ${heading}`),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** `0 of 4170`, or that it is not known. */
export function failedRequestsText({ failedRequests, requests }: RunRecord): string {
  if (failedRequests === undefined) return 'not known';
  return requests === undefined ? String(failedRequests) : `${failedRequests} of ${requests}`;
}

/** `told by connections, the longest in 1.2s`. */
export function drainedText({ drained }: RunRecord): string {
  if (drained === undefined) return 'nothing';
  const took = `the longest in ${formatDuration(drained.longestMs)}`;
  return drained.how.length === 0 ? took : `told by ${drained.how.join(', ')}; ${took}`;
}

function cutSentence(record: RunRecord): string {
  const said = stopped(capital(cutText(record.drained, record.noun)));
  return record.drained === undefined ? said : `${said} Drained: ${stopped(drainedText(record))}`;
}

function reconcilers({ reconcilers: all }: RunRecord): string[] {
  if (all.length === 0) return [];
  const resumed = all.filter((each) => each.resumed).map(({ name, why }) => `${name} was resumed: ${why}`);
  return ['## Reconcilers', list([...resumed, ...reconcilerLines(all)].map((line) => text(line.trim())))];
}

function whatHappened(record: RunRecord): string {
  const { service, from, to, strategy, by, startedAt, end, durationMs } = record;
  const who = `${by} rolled ${service} back`;
  const what = `from ${from.version} to ${to.version} (${strategy}), begun ${formatMoment(startedAt)}`;
  const took = formatDuration(durationMs);
  const came = {
    target: `It ended on ${to.version} after ${took}`,
    start: `It was given up after ${took}, and production went back to where it started`,
    unchanged: `It was not carried out, and nothing was changed`,
  };
  const ending = end === undefined ? 'It has no end yet' : came[end];
  return text(`${who} ${what}. ${ending}: ${unstopped(record.why)}. ${stopped(record.production)}`);
}

function period({ startedAt, endedAt, durationMs }: RunRecord): string {
  if (endedAt === undefined) return `${formatMoment(startedAt)}, no end yet`;
  return `${formatMoment(startedAt)} to ${formatMoment(endedAt)} (${formatDuration(durationMs)})`;
}

function findings(all: Finding[], none: string): string {
  if (all.length === 0) return none;
  return all
    .map((finding) => {
      const below = finding.evidence.flatMap((evidence) => evidence.split('\n'));
      const waived = finding.waived ? [`waived: ${finding.waived.reason}`] : [];
      const line = `- **${STATUS_WORDS[finding.status]}** ${text(finding.title)}`;
      return [line, ...[...below, ...waived].map((each) => `  - ${text(each)}`)].join('\n');
    })
    .join('\n');
}

function moved(record: RunRecord): string {
  if (record.steps.length === 0) return 'Nothing.';
  const rows = record.steps.map(({ id, phase, state, tookMs, at, error }) => [
    formatMoment(at),
    phase,
    `\`${id}\``,
    error ? `${state}: ${text(error.summary)} (${error.code})` : state,
    tookMs === undefined ? '' : formatDuration(tookMs),
  ]);
  const total =
    record.movedMs === undefined
      ? []
      : [`From the first move to the end: ${formatDuration(record.movedMs)}.`];
  return [table(['When', 'Phase', 'Step', 'State', 'Took'], rows), ...total].join('\n\n');
}

function backup({ backup: taken, restorePoint }: RunRecord): string {
  if (!taken && restorePoint) {
    const { name, position, tool, base, restore } = restorePoint;
    return list([
      `Restore point \`${name}\` at ${position}, archived`,
      `${text(tool)}; a restore starts from its backup \`${base.name}\``,
      `\`${restore}\``,
    ]);
  }
  if (!taken) return 'None taken.';
  return list([
    `\`${taken.name}\`, ${formatBytes(taken.bytes)}`,
    `Path: \`${taken.path}\``,
    `SHA-256: \`${taken.sha256}\``,
  ]);
}

function table(head: string[], rows: string[][]): string {
  const row = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

function list(entries: string[]): string {
  return entries.map((entry) => `- ${entry}`).join('\n');
}

/** Text from outside must stay text: what Markdown would read as markup is escaped. */
function text(raw: string): string {
  return plain(raw).replace(/[\\`*_[\]<>#]/g, '\\$&');
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
