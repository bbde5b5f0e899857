import type { RunEvent, TrafficShare } from '../model/event.ts';
import type { JournalEntry } from '../model/journal.ts';
import { between, count, formatDuration, plain, stopped, timeOfDay } from './format.ts';

/** `Target: local/shop, 3 instances` */
export function targetLine({ target, instances, noun }: Extract<RunEvent, { type: 'target' }>): string {
  return plain(`Target: ${target}, ${count(instances, noun)}`);
}

/** `Traffic: 1/3 on v2.14.3, 2/3 on v2.14.4, 14 requests draining`: shares of the instances that serve. */
export function trafficLine({ serving, draining }: TrafficShare): string {
  const total = serving.reduce((sum, { instances }) => sum + instances, 0);
  const parts = serving.map(({ version, instances }) => `${instances}/${total} on ${version}`);
  if (parts.length === 0) parts.push('nothing serves');
  if (draining > 0) parts.push(`${requests(draining)} draining`);
  return plain(`Traffic: ${parts.join(', ')}`);
}

/** `1 request`, `14 requests` */
export function requests(n: number): string {
  return count(n, { one: 'request', many: 'requests' });
}

/**
 * Turns events into lines for stderr, one for each thing that happens: who holds the run, each step's start, progress and
 * end, and the traffic where it changed.
 */
export function createProgressLines(now: () => number): (event: RunEvent) => string[] {
  /** Entries from before are history that is told again, not news. */
  const since = now();
  const startedAt = new Map<string, string>();
  const lastProgress = new Map<string, { text: string; at: number }>();
  let lastTraffic = '';
  const at = () => timeOfDay(new Date(now()).toISOString());

  return (event) => {
    switch (event.type) {
      case 'target':
        return [targetLine(event)];
      case 'notice':
        return [plain(event.message)];
      case 'entry': {
        const { entry } = event;
        if (entry.type === 'started') startedAt.set(entry.step, entry.at);
        if (Date.parse(entry.at) < since) return [];
        const said = entryText(entry, startedAt);
        return said === undefined ? [] : [plain(`${timeOfDay(entry.at)} ${said}`)];
      }
      case 'progress': {
        const last = lastProgress.get(event.step);
        const text = `${event.step}: ${event.message}`;
        if (last && (last.text === text || now() - last.at < PROGRESS_EVERY_MS)) return [];
        lastProgress.set(event.step, { text, at: now() });
        return [plain(`${at()} ${text}`)];
      }
      case 'traffic': {
        const text = trafficLine(event.traffic);
        if (text === lastTraffic) return [];
        lastTraffic = text;
        return [`${at()} ${text}`];
      }
    }
  };
}

/** A counter that runs down would fill the log. */
const PROGRESS_EVERY_MS = 1_000;

function entryText(entry: JournalEntry, startedAt: Map<string, string>): string | undefined {
  switch (entry.type) {
    case 'planned':
      return `plan ${entry.plan.runId}: ${entry.plan.from.version} -> ${entry.plan.to.version}, ${entry.plan.steps.length} steps`;
    case 'leased':
      return `${entry.purpose} by ${entry.holder.user} on ${entry.holder.host}, process ${entry.holder.pid}`;
    case 'started':
      return `${entry.step} started`;
    case 'done': {
      const started = startedAt.get(entry.step);
      if (started === undefined) return `${entry.step} is so already`;
      return `${entry.step} done in ${formatDuration(between(started, entry.at))}`;
    }
    case 'failed':
      return `${entry.step} failed: ${entry.error.summary} (${entry.error.code})`;
    case 'stopped':
      return `stopped: ${stopped(entry.why)}`;
    case 'ended':
      return `ended: ${stopped(entry.end.why)}`;
    default:
      return undefined;
  }
}
