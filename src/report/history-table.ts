import type { RunRecord } from '../model/record.ts';
import { columns } from './columns.ts';
import { formatDuration } from './format.ts';

/** Runs as given, one a line. Ends without a line break. */
export function historyTable(records: RunRecord[]): string {
  if (records.length === 0) return 'No run yet.';
  const rows = records.map((record) => [
    record.runId,
    record.startedAt.slice(0, 16).replace('T', ' '),
    `${record.from.version} -> ${record.to.version}`,
    record.strategy,
    outcome(record),
    record.endedAt === undefined ? '' : formatDuration(record.durationMs),
    record.by,
    record.reason ?? 'not given',
  ]);
  const head = ['RUN', 'STARTED (UTC)', 'FROM -> TO', 'STRATEGY', 'OUTCOME', 'TOOK', 'BY', 'REASON'];
  return columns([head, ...rows]).join('\n');
}

/** In two or three words: what a run came to. */
export function outcome({ end, exit, monitor }: RunRecord): string {
  switch (end) {
    case undefined:
      return 'unfinished';
    case 'start':
      return 'back at start';
    case 'unchanged':
      return exit === 4 ? 'refused' : 'nothing changed';
    case 'target':
      if (exit !== 0) return 'not confirmed';
      return monitor === undefined || monitor.state === 'interrupted' ? 'on target' : WATCHED[monitor.state];
  }
}

const WATCHED = {
  watching: 'on target, watched',
  resolved: 'resolved',
  regressed: 'regressed',
  'no-traffic': 'on target, no traffic',
} as const;
