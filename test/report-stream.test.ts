import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../src/model/event.ts';
import { createReporter } from '../src/report/create-reporter.ts';
import { formatDuration } from '../src/report/format.ts';
import { at, handClock, planned, Story } from './report-fixtures.ts';

const noun = { one: 'instance', many: 'instances' };

interface Written {
  to: 'stdout' | 'stderr';
  text: string;
}

async function reporter(output: 'text' | 'json', clock = handClock()) {
  const written: Written[] = [];
  const into = (to: Written['to']) => ({ write: (text: string) => void written.push({ to, text }) });
  const made = await createReporter({
    stdout: into('stdout'),
    stderr: into('stderr'),
    output,
    interactive: false,
    clock,
  });
  const of = (to: Written['to']) =>
    written
      .filter((each) => each.to === to)
      .map(({ text }) => text)
      .join('');
  return { made, written, of };
}

function entries(story: Story): RunEvent[] {
  return story.entries.map((entry) => ({ type: 'entry', entry }));
}

describe('where stdout is no terminal', () => {
  it('prints the lines in order, though the drain line is true last', async () => {
    const { made, written, of } = await reporter('text');
    for (const event of entries(new Story(planned()).backUp().moves().validate().end({}))) made.emit(event);
    made.finish();
    const lines = of('stdout').trimEnd().split('\n').slice(9, 15);
    expect(lines).toEqual([
      '',
      'Executing rollback:',
      '  [1/4] Draining traffic from current instances...done',
      '  [2/4] Deploying v2.14.3 (instance 1/3)...healthy',
      '  [3/4] Deploying v2.14.3 (instance 2/3)...healthy',
      '  [4/4] Deploying v2.14.3 (instance 3/3)...healthy',
    ]);
    const place = (text: string) => written.findIndex((each) => each.text.includes(text));
    expect(place('drain:3/3:r4 done')).toBeLessThan(place('[1/4]'));
    expect(place('[1/4]')).toBeLessThan(place('set-current started'));
  });

  it('tells on stderr what happens meanwhile', async () => {
    const clock = handClock();
    const { made, of } = await reporter('text', clock);
    const [plan, leased, started, done] = entries(new Story(planned()).does('start:1/3'));
    made.emit({ type: 'target', target: 'local/shop', instances: 3, noun });
    for (const event of [plan, leased, started]) made.emit(event as RunEvent);
    const progress = { type: 'progress', step: 'start:1/3', inFlight: undefined } as const;
    made.emit({ ...progress, message: '1 of 3 probes passed' });
    made.emit({ ...progress, message: '2 of 3 probes passed' });
    clock.advance(1_500);
    made.emit({ ...progress, message: '3 of 3 probes passed' });
    made.emit({ ...progress, message: '3 of 3 probes passed' });
    made.emit(done as RunEvent);
    const traffic = {
      serving: [
        { version: 'v2.14.3', instances: 1 },
        { version: 'v2.14.4', instances: 2 },
      ],
      draining: 14,
    };
    made.emit({ type: 'traffic', traffic });
    made.emit({ type: 'traffic', traffic });
    made.emit({ type: 'traffic', traffic: { serving: [], draining: 1 } });
    made.emit({ type: 'notice', message: 'SIGINT: stopping at the next safe point.' });
    expect(of('stderr')).toBe(`Target: local/shop, 3 instances
10:32:00 plan r-20260315-103200-7f3a: v2.14.4 -> v2.14.3, 16 steps
10:32:00 run by ana on build-7, process 4711
10:32:01 start:1/3 started
10:32:00 start:1/3: 1 of 3 probes passed
10:32:01 start:1/3: 3 of 3 probes passed
10:32:02 start:1/3 done in 1.0s
10:32:01 Traffic: 1/3 on v2.14.3, 2/3 on v2.14.4, 14 requests draining
10:32:01 Traffic: nothing serves, 1 request draining
SIGINT: stopping at the next safe point.
`);
  });

  it('does not tell again on stderr what was before it', async () => {
    const clock = handClock();
    clock.advance(60_000);
    const { made, of } = await reporter('text', clock);
    for (const event of entries(new Story(planned()).backUp())) made.emit(event);
    made.emit({ type: 'entry', entry: { type: 'started', at: at(61), step: 'start:1/3', before: null } });
    expect(of('stderr')).toBe('10:33:01 start:1/3 started\n');
    expect(of('stdout')).toContain('[OK] Database backup completed');
  });

  it('prints at the end what a stop left open, and nothing where there was no run', async () => {
    const stopped = await reporter('text');
    for (const event of entries(
      new Story(planned()).backUp().start('start:1/3').stop('Interrupted.', 'All serve.'),
    ))
      stopped.made.emit(event);
    expect(stopped.of('stdout')).not.toContain('Stopped');
    stopped.made.finish();
    expect(stopped.of('stdout')).toContain(
      '[2/4] Deploying v2.14.3 (instance 1/3)...not finished\n\nStopped: Interrupted.\n',
    );
    const idle = await reporter('text');
    idle.made.finish();
    expect(idle.written).toEqual([]);
  });

  it('has no colour', async () => {
    const { made, of } = await reporter('text');
    for (const event of entries(new Story(planned()).backUp())) made.emit(event);
    expect(of('stdout')).not.toContain('\u001b');
  });
});

it('prints one JSON document, and progress on stderr', async () => {
  const { made, of } = await reporter('json');
  for (const event of entries(new Story(planned()).backUp())) made.emit(event);
  expect(of('stdout')).toBe('');
  made.finish({ exit: 0, on: 'target' });
  expect(JSON.parse(of('stdout'))).toEqual({ exit: 0, on: 'target' });
  expect(of('stderr')).toContain('back-up-database done in 1.0s');
});

it.each([
  [0, '0ms'],
  [40, '40ms'],
  [150, '0.2s'],
  [8_400, '8.4s'],
  [59_940, '59.9s'],
  [59_960, '1m'],
  [154_000, '2m 34s'],
  [300_000, '5m'],
  [3_599_600, '1h'],
  [3_720_000, '1h 2m'],
  [-5, '0ms'],
])('%d ms reads %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
