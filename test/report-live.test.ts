import { expect, it } from 'vitest';
import type { RunEvent } from '../src/model/event.ts';
import { createReporter } from '../src/report/create-reporter.ts';
import { handClock, planned, Story } from './report-fixtures.ts';

/** A terminal that knows just the control sequences that the live view's library writes. */
class Screen {
  private rows: string[] = [''];
  private row = 0;
  private column = 0;
  readonly isTTY = true;
  readonly columns = 200;
  readonly terminalRows = 50;
  raw = '';

  write(text: string): boolean {
    this.raw += text;
    for (const part of text.match(/\u001b\[\??[\d;]*[A-Za-z]|[^\u001b]/gu) ?? []) {
      if (part.startsWith('\u001b')) this.control(part);
      else this.type(part);
    }
    return true;
  }

  text(): string {
    return this.rows
      .map((row) => row.trimEnd())
      .join('\n')
      .trimEnd();
  }

  private type(character: string): void {
    if (character === '\n') {
      this.row++;
      this.column = 0;
      this.rows[this.row] ??= '';
      return;
    }
    const row = [...(this.rows[this.row] ?? '').padEnd(this.column)];
    row[this.column++] = character;
    this.rows[this.row] = row.join('');
  }

  private control(sequence: string): void {
    const n = Number(/\d+/.exec(sequence)?.[0] ?? 1);
    const kind = sequence.at(-1);
    if (kind === 'A') this.row = Math.max(0, this.row - n);
    else if (kind === 'B') this.row += n;
    else if (kind === 'G') this.column = 0;
    else if (kind === 'K' && sequence === '\u001b[2K') this.rows[this.row] = '';
    else if (kind === 'K')
      this.rows[this.row] = [...(this.rows[this.row] ?? '')].slice(0, this.column).join('');
    else if (kind !== 'm' && !sequence.startsWith('\u001b[?2026'))
      throw new Error(`unknown ${JSON.stringify(sequence)}`);
  }
}

async function live(env: { NO_COLOR?: string } = { NO_COLOR: '1' }) {
  const before = { NO_COLOR: process.env.NO_COLOR, TERM: process.env.TERM, LC_ALL: process.env.LC_ALL };
  delete process.env.NO_COLOR;
  Object.assign(process.env, { TERM: 'xterm', LC_ALL: 'C.UTF-8' }, env);
  try {
    const screen = new Screen();
    const clock = handClock();
    const made = await createReporter({
      stdout: screen,
      stderr: screen,
      output: 'text',
      interactive: true,
      clock,
    });
    return { screen, clock, made };
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

const noun = { one: 'instance', many: 'instances' };
const target: RunEvent = { type: 'target', target: 'local/shop', instances: 3, noun };

it('ends as exactly the text', async () => {
  const story = new Story(planned()).backUp().moves().validate().end({});
  const { screen, clock, made } = await live();
  made.emit(target);
  for (const entry of story.entries) {
    made.emit({ type: 'entry', entry });
    clock.advance(700);
    if (entry.type === 'started')
      made.emit({ type: 'progress', step: entry.step, message: 'going on', inFlight: undefined });
  }
  made.finish();
  expect(screen.raw).toContain('Ctrl-C');
  expect(screen.text()).toBe(`Target: local/shop, 3 instances
Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: rolling

Pre-rollback checks:
  [OK] Target version v2.14.3 image exists in registry
  [OK] No destructive database migrations between versions
  [OK] Configuration compatible with target version
  [OK] Database backup completed: backup-20260315-103200.sql

Executing rollback:
  [1/4] Draining traffic from current instances...done
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...healthy
  [4/4] Deploying v2.14.3 (instance 3/3)...healthy

Post-rollback validation:
  [OK] Health endpoint: 200 OK
  [OK] Error rate: 0.01% (within baseline)
  [OK] p95 latency: 145ms (within baseline)

Rollback to v2.14.3 completed in 2m 34s.
All instances healthy. Traffic fully restored.`);
});

it('shows below the text what goes on', async () => {
  const { screen, clock, made } = await live();
  const { entries } = new Story(planned()).backUp().does('start:1/3', 'admit:1/3').start('drain:1/3:r4');
  for (const entry of entries) made.emit({ type: 'entry', entry });
  const drain = { type: 'progress', step: 'drain:1/3:r4', message: 'draining' } as const;
  made.emit({ ...drain, inFlight: 312 });
  clock.advance(1_200);
  made.emit({ ...drain, inFlight: 14 });
  const serving = [
    { version: 'v2.14.3', instances: 1 },
    { version: 'v2.14.4', instances: 2 },
  ];
  made.emit({ type: 'traffic', traffic: { serving, draining: 14 } });
  const below = () => screen.text().split('Executing rollback:\n')[1];
  expect(below()).toBe(
    `⠼ [1/4] Draining traffic from current instances... 14 requests in flight, 1.2s
✓ [2/4] Deploying v2.14.3 (instance 1/3)...healthy

Traffic: 1/3 on v2.14.3, 2/3 on v2.14.4, 14 requests draining
Elapsed: 1.2s
Ctrl-C: stop safely at the next safe point`.replace('⠼', below()?.charAt(0) ?? ''),
  );

  made.emit({
    type: 'entry',
    entry: { type: 'done', at: '', step: 'drain:1/3:r4', output: null, observed: false },
  });
  expect(below()?.split('\n')[0]?.slice(2)).toBe(
    '[1/4] Draining traffic from current instances... 1.2s; drained 312 requests in 1.2s',
  );
  made.finish();
});

it('keeps in sight what a drain took once its line is printed', async () => {
  const { screen, clock, made } = await live();
  const story = new Story(planned({ strategy: 'instant' })).backUp().does('start:1-3/3', 'switch');
  const drains = ['drain:1-3/3:r4'];
  for (const drain of drains) story.start(drain);
  const begun = story.entries.length;
  for (const drain of drains) story.done(drain);
  for (const entry of story.entries.slice(0, begun)) made.emit({ type: 'entry', entry });
  for (const step of drains) made.emit({ type: 'progress', step, message: 'draining', inFlight: 12 });
  clock.advance(400);
  for (const entry of story.entries.slice(begun)) made.emit({ type: 'entry', entry });
  expect(screen.text()).toContain(`  [3/3] Draining traffic from v2.14.4...done
  [3/3] drained 12 requests in 0.4s

Elapsed: 0.4s`);
  made.finish();
  expect(screen.text().split('\n').at(-1)).toBe('  [3/3] Draining traffic from v2.14.4...done');
});

it('keeps notices, and explains Ctrl-C as it is then', async () => {
  const { screen, made } = await live();
  const { entries } = new Story(planned()).start('back-up-database');
  for (const entry of entries) made.emit({ type: 'entry', entry });
  expect(screen.text().split('\n').at(-1)).toBe('Ctrl-C: stop; nothing has been moved yet');
  made.emit({ type: 'notice', message: 'SIGINT: stopping at the next safe point.' });
  expect(screen.text()).toContain('SIGINT: stopping at the next safe point.\n');
  made.finish();
  expect(screen.text().split('\n').slice(-2)).toEqual([
    'SIGINT: stopping at the next safe point.',
    '  Back up database...not finished',
  ]);
});

it('colours status words on a terminal, and not where NO_COLOR is set', async () => {
  const { entries } = new Story(planned()).backUp();
  const plain = await live();
  const coloured = await live({});
  for (const entry of entries) {
    plain.made.emit({ type: 'entry', entry });
    coloured.made.emit({ type: 'entry', entry });
  }
  plain.made.finish();
  coloured.made.finish();
  expect(coloured.screen.raw).toContain('\u001b[32m[OK]\u001b[39m Database backup');
  expect(plain.screen.raw).not.toContain('\u001b[32m');
  expect(coloured.screen.text()).toBe(plain.screen.text());
});
