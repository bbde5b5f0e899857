import { afterEach, describe, expect, test } from 'vitest';
import { printError } from '../src/cli/print-error.ts';
import { neverStopped, stopOnSignals } from '../src/cli/stop-signals.ts';
import { RollbackError } from '../src/model/error.ts';
import type { RunEvent } from '../src/model/event.ts';

describe('signals', () => {
  const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
  afterEach(() => {
    for (const signal of SIGNALS) {
      for (const listener of process.listeners(signal)) {
        if (!before.get(signal)?.includes(listener)) process.off(signal, listener);
      }
    }
  });

  function listen(command: string) {
    const notices: string[] = [];
    const stop = stopOnSignals((event: RunEvent) => {
      if (event.type === 'notice') notices.push(event.message);
    }, command);
    return { stop, notices };
  }

  test('the first asks to stop safely and says so, the second leaves', () => {
    const { stop, notices } = listen('rollback');
    expect([stop.requested.aborted, stop.immediate.aborted]).toEqual([false, false]);
    process.emit('SIGINT');
    expect([stop.requested.aborted, stop.immediate.aborted]).toEqual([true, false]);
    expect(stop.requested.reason).toBe('interrupt');
    process.emit('SIGTERM');
    process.emit('SIGTERM');
    expect(stop.immediate.reason).toMatchObject({ code: 'INTERRUPTED', exit: 3 });
    expect(notices).toEqual([
      'SIGINT: stopping at the next safe point. Once more leaves at once; "rollback-deploy-auto resume" then goes on.',
      'SIGTERM: leaving at once.',
    ]);
  });

  test('a terminal that closes counts as the first', () => {
    const { stop } = listen('resume');
    process.emit('SIGHUP');
    expect([stop.requested.aborted, stop.immediate.aborted]).toEqual([true, false]);
  });

  test('monitor, which moves nothing, leaves at the first', () => {
    const { stop, notices } = listen('monitor');
    process.emit('SIGINT');
    expect(stop.immediate.aborted).toBe(true);
    expect(notices).toEqual([]);
  });

  test('other commands keep the usual meaning of signals', () => {
    const listeners = process.listenerCount('SIGINT');
    expect(neverStopped().requested.aborted).toBe(false);
    expect(process.listenerCount('SIGINT')).toBe(listeners);
  });
});

describe('errors', () => {
  function print(error: unknown, output: 'text' | 'json', debug = false) {
    const written = { stdout: '', stderr: '', exit: -1 };
    const to = (stream: 'stdout' | 'stderr') => ({
      write(text: string) {
        written[stream] += text;
      },
    });
    written.exit = printError(error, { stdout: to('stdout'), stderr: to('stderr'), output, debug });
    return written;
  }

  const backup = new RollbackError({
    code: 'BACKUP_FAILED',
    summary: 'Cannot back up database "orders"',
    detail: 'The dump ended early: postgres://deployer:hunter2@db/orders went away.',
    production: 'Production is unchanged.',
    fix: 'Then run: rollback-deploy-auto resume r-42',
    exit: 1,
  });

  test('say what failed, why, what production looks like, what to run next', () => {
    expect(print(backup, 'text')).toEqual({
      stdout: '',
      stderr: `Error: Cannot back up database "orders" (BACKUP_FAILED)
The dump ended early: postgres://deployer:***@db/orders went away.
Production is unchanged.
Then run: rollback-deploy-auto resume r-42
`,
      exit: 1,
    });
  });

  test('are a document on stdout too, for machines', () => {
    expect(JSON.parse(print(backup, 'json').stdout)).toEqual({
      error: {
        code: 'BACKUP_FAILED',
        summary: 'Cannot back up database "orders"',
        detail: 'The dump ended early: postgres://deployer:***@db/orders went away.',
        production: 'Production is unchanged.',
        fix: 'Then run: rollback-deploy-auto resume r-42',
        exit: 1,
      },
    });
  });

  test('that nobody foresaw claim nothing about production, and show the stack only when asked', () => {
    const bug = new TypeError('x is undefined', { cause: new Error('password=hunter2') });
    const { stderr, exit } = print(bug, 'text');
    expect(exit).toBe(1);
    expect(stderr).toBe(`Error: x is undefined (UNEXPECTED)
This is a fault in the program itself. DEBUG=1 prints where it happened.
Where production stands is unknown to it.
See what runs: rollback-deploy-auto status; an unfinished run goes on with: rollback-deploy-auto resume
`);
    const debugged = print(bug, 'text', true).stderr;
    expect(debugged).toContain('cli-front-door.test.ts');
    expect(debugged).toContain('Caused by: Error: password=***');
    expect(debugged).not.toContain('hunter2');
  });

  test('may be anything that was thrown', () => {
    expect(print('interrupt', 'text').stderr).toMatch(/^Error: interrupt \(UNEXPECTED\)\n/);
  });
});
