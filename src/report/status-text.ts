import type { RunStatus, ServiceStatus } from '../model/views.ts';
import { columns } from './columns.ts';
import { count, formatMoment, plain, stopped } from './format.ts';
import { monitorLines } from './monitor-lines.ts';
import { trafficLine } from './progress-lines.ts';

/** What runs, who moves it, and how to take over. Ends without a line break. */
export function statusText(status: ServiceStatus): string {
  const { current, canary, desired, noun } = status;
  const runs = current ? `${current.version} (${current.id})` : 'nothing deployed yet';
  const lines = [
    `Target: ${status.target}, ${count(desired, noun)}`,
    `Current version: ${runs}`,
    ...(canary ? [`Canary: ${canary.version} (${canary.id})`] : []),
    ...(status.instances.length > 0 ? [trafficLine(status.traffic), '', ...instances(status)] : []),
    ...(status.warm ?? []).map(({ version, instances: n, until, end }) => {
      const told = `Kept warm: ${count(n, noun)} of ${version} until ${formatMoment(until)}`;
      return end === undefined ? told : `${told}. That is over; to end it: ${end}`;
    }),
    '',
    ...(status.run ? run(status.run) : ['No run in progress.']),
    ...(status.monitor ? ['', `Monitor of ${status.monitor.runId}:`, ...watched(status.monitor.result)] : []),
  ];
  return lines.map(plain).join('\n');
}

function instances({ instances: all, noun }: ServiceStatus): string[] {
  const rows = all.map(({ slot, part, version, state, inRotation, inFlight }) => [
    part === undefined ? String(slot) : `${part} ${slot}`,
    version,
    state,
    inRotation ? 'yes' : 'no',
    String(inFlight ?? 'unknown'),
  ]);
  return columns([[noun.one.toUpperCase(), 'VERSION', 'STATE', 'IN ROTATION', 'IN FLIGHT'], ...rows]);
}

function run({
  runId,
  state,
  startedBy,
  startedAt,
  lastHeartbeat,
  epoch,
  step,
  takeOver,
}: RunStatus): string[] {
  const states = {
    running: 'is running',
    stopped: 'has stopped and can be resumed',
    lost: 'was left by its client and can be resumed',
  };
  return [
    `Run ${runId} ${states[state]}.`,
    ...columns([
      ['  Started by:', startedBy],
      ['  Started at:', formatMoment(startedAt)],
      ['  Last heartbeat:', `${formatMoment(lastHeartbeat)} (epoch ${epoch})`],
      ...(step === undefined ? [] : [[state === 'running' ? '  Doing:' : '  Was doing:', step]]),
      ['  To take over:', takeOver],
    ]),
  ];
}

function watched(result: Parameters<typeof monitorLines>[0]): string[] {
  return monitorLines(result).map((text) => `  ${stopped(text)}`);
}
