import { expect, test } from 'vitest';
import type { CommandContext, CommandOutcome } from '../src/commands/context.ts';
import { monitor } from '../src/commands/monitor.ts';
import { startMonitoring } from '../src/commands/start-monitoring.ts';
import { watchHere } from '../src/commands/watch-here.ts';
import { RollbackError } from '../src/model/error.ts';
import type { RunEvent } from '../src/model/event.ts';
import type { RunRecord } from '../src/model/record.ts';
import { manualClock } from './store/manual-clock.ts';
import { memoryStore } from './store/memory-store.ts';
import { ANA, planned } from './store/sample-run.ts';

const RUN = 'r-1';
const DONE: CommandOutcome = { exit: 0, runId: RUN, json: null };

/** A run that has just ended on its target, on a platform that keeps no monitor. */
async function ended(
  options: { ok?: boolean; unmeasured?: boolean; startMonitor?: () => Promise<void> } = {},
) {
  const { ok = true, unmeasured = false, startMonitor } = options;
  const clock = manualClock();
  const store = memoryStore({ clock });
  const lease = await store.acquireLease('shop', ANA, new AbortController().signal);
  await store.create(lease, RUN, planned(RUN));
  const notices: string[] = [];
  const window = async () => {
    if (unmeasured)
      throw new RollbackError({ code: 'METRICS_NO_SOURCE', summary: 'Nothing measures the traffic' });
    return { release: 'r3', sinceMs: 0, untilMs: 1, requests: 500, errors: 0, p50Ms: 5, p95Ms: 9 };
  };
  const context = {
    adapters: {
      store,
      platform: { startMonitor, facts: async () => ({ current: 'r3', releases: [] }) },
      metrics: { window },
      health: { probe: async () => ({ ok, status: ok ? 200 : 503, says: ok ? '200 OK' : '503', tookMs: 1 }) },
    },
    configuration: { validation: { minRequests: 100 }, good: { minRequests: 50 } },
    clock,
    statePath: undefined,
    renderRecord: () => '',
    emit: (event: RunEvent) => {
      if (event.type === 'notice') notices.push(event.message);
    },
    stop: { requested: new AbortController().signal, immediate: new AbortController().signal },
  } as unknown as CommandContext;
  const record = async () => (await store.get<RunRecord>('records', RUN))?.value;
  return { context, clock, notices, record };
}

function neverLeft() {
  return { requested: new AbortController().signal, immediate: new AbortController().signal };
}

test('watches until the time is over, says so first, and keeps the exit code of the run', async () => {
  const { context, clock, notices, record } = await ended({ unmeasured: true });
  await startMonitoring(context, RUN, 20);
  expect(notices).toEqual([]);
  expect(await watchHere(context, DONE, neverLeft)).toEqual(DONE);
  expect(notices[0]).toBe(
    'Watching here until 2026-11-23T21:03:58.000Z; Ctrl-C leaves the watch, and the release as it is.',
  );
  expect(clock.slept()).toBe(20_000);
  expect((await record())?.monitor).toMatchObject({
    state: 'no-traffic',
    notes: ['Error rate: Nothing measures the traffic'],
  });
});

test('a release that regresses while it is watched is not confirmed', async () => {
  const { context, record } = await ended({ ok: false });
  await startMonitoring(context, RUN, 20);
  expect((await watchHere(context, DONE, neverLeft)).exit).toBe(5);
  expect((await watchHere(context, { ...DONE, exit: 1 }, neverLeft)).exit).toBe(1);
  expect((await record())?.monitor?.state).toBe('regressed');
});

test('a signal leaves the watch: the record says interrupted, the exit code stays, monitor goes on', async () => {
  const { context, clock, notices, record } = await ended({ unmeasured: true });
  await startMonitoring(context, RUN, 60);
  const left = new AbortController();
  clock.whileAsleep = () => {
    if (clock.slept() >= 10_000) left.abort(new Error('left'));
  };
  const stop = () => ({ requested: left.signal, immediate: left.signal });
  expect(await watchHere(context, DONE, stop)).toEqual(DONE);
  expect(notices.at(-1)).toBe(`Left. To go on watching: rollback-deploy-auto monitor ${RUN}`);
  expect((await record())?.monitor?.state).toBe('interrupted');
  expect(clock.slept()).toBe(10_000);

  clock.whileAsleep = () => {};
  await monitor(context, RUN, { attachedToSupervisor: false });
  expect(clock.slept()).toBe(60_000);
  expect((await record())?.monitor?.state).toBe('no-traffic');
});

test('nothing is watched without a monitor time, nor where the platform does it', async () => {
  const none = await ended();
  expect(await watchHere(none.context, DONE, neverLeft)).toBe(DONE);
  const kept = await ended({ startMonitor: async () => {} });
  await startMonitoring(kept.context, RUN, 60);
  expect(await watchHere(kept.context, DONE, neverLeft)).toBe(DONE);
  expect([none.clock.slept(), kept.clock.slept()]).toEqual([0, 0]);
});
