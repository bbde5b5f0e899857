import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../src/model/journal.ts';
import { runState } from '../src/model/run-state.ts';
import { textLines } from '../src/report/text-lines.ts';
import { createTextPrinter } from '../src/report/text-printer.ts';
import {
  backupTaken,
  errorRate,
  finding,
  health,
  instance,
  latency,
  old,
  planned,
  RUN,
  returnPlan,
  Story,
  target,
} from './report-fixtures.ts';

const CHECKS = `Pre-rollback checks:
  [OK] Target version v2.14.3 image exists in registry
  [OK] No destructive database migrations between versions
  [OK] Configuration compatible with target version
  [OK] Database backup completed: backup-20260315-103200.sql`;

const HEAD = `Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: rolling

${CHECKS}`;

const VALIDATION = `Post-rollback validation:
  [OK] Health endpoint: 200 OK
  [OK] Error rate: 0.01% (within baseline)
  [OK] p95 latency: 145ms (within baseline)`;

const stories: Record<string, { story: Story; text: string }> = {
  'a successful rolling run': {
    story: new Story(planned()).backUp().moves().validate().end({}),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...done
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...healthy
  [4/4] Deploying v2.14.3 (instance 3/3)...healthy

${VALIDATION}

Rollback to v2.14.3 completed in 2m 34s.
All instances healthy. Traffic fully restored.`,
  },

  'a run that nothing confirms': {
    story: new Story(planned())
      .backUp()
      .moves()
      .validate(
        [health],
        [
          finding('unknown', 'Error rate: no traffic to judge by', { evidence: ['0 requests'] }),
          finding('unknown', 'p95 latency: no traffic to judge by', { evidence: ['0 requests'] }),
        ],
      )
      .end({ exit: 5, why: 'Error rate: no traffic to judge by; p95 latency: no traffic to judge by' }, 12.4),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...done
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...healthy
  [4/4] Deploying v2.14.3 (instance 3/3)...healthy

Post-rollback validation:
  [OK] Health endpoint: 200 OK
  [UNKNOWN] Error rate: no traffic to judge by
    0 requests
  [UNKNOWN] p95 latency: no traffic to judge by
    0 requests

Rollback to v2.14.3 completed in 12.4s.
Running v2.14.3; not confirmed: no traffic to judge by.`,
  },

  'a run whose validation failed, kept on the target': {
    story: new Story(planned())
      .backUp()
      .moves()
      .validate([health], [finding('fail', 'Error rate: 2.10% (above baseline)'), latency])
      .end({
        exit: 5,
        why: 'Validation failed: Error rate: 2.10% (above baseline). Not going back: v2.14.4 is failing (5.00% errors).',
      }),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...done
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...healthy
  [4/4] Deploying v2.14.3 (instance 3/3)...healthy

Post-rollback validation:
  [OK] Health endpoint: 200 OK
  [FAIL] Error rate: 2.10% (above baseline)
  [OK] p95 latency: 145ms (within baseline)

Rollback to v2.14.3 completed in 2m 34s.
Running v2.14.3; not confirmed: validation failed: Error rate: 2.10% (above baseline). Not going back: v2.14.4 is failing (5.00% errors).`,
  },

  'a run out of time, all on the target': {
    story: new Story(planned())
      .backUp()
      .moves()
      .start('validate-health')
      .done('validate-health', [health])
      .start('validate-traffic')
      .end({ exit: 5, why: 'The time allowed by --timeout is over.' }, 300),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...done
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...healthy
  [4/4] Deploying v2.14.3 (instance 3/3)...healthy

Post-rollback validation:
  [OK] Health endpoint: 200 OK
  Validate traffic...not finished

Rollback to v2.14.3 completed in 5m.
Running v2.14.3; not confirmed: the time allowed by --timeout is over.`,
  },

  'a run refused by its backup': {
    story: new Story(planned())
      .start('back-up-database')
      .fail('back-up-database', {
        code: 'BACKUP_FAILED',
        summary: 'Cannot back up database sqlite data/shop.db',
        detail: 'The disk is full.',
        fix: 'Free 12 MB, then run the command again.',
      })
      .end({
        on: 'unchanged',
        exit: 4,
        why: 'Cannot back up database sqlite data/shop.db: The disk is full.',
        production: '3 instances of v2.14.4 serve.',
      }),
    text: `Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: rolling

Pre-rollback checks:
  [OK] Target version v2.14.3 image exists in registry
  [OK] No destructive database migrations between versions
  [OK] Configuration compatible with target version
  [FAIL] Cannot back up database sqlite data/shop.db
    The disk is full.
    Fix: Free 12 MB, then run the command again.

Rollback to v2.14.3 not carried out: Cannot back up database sqlite data/shop.db: The disk is full.
Nothing was changed: 3 instances of v2.14.4 serve.`,
  },

  'a run that failed and went back': {
    story: failedAndReturned(),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...not finished
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...failed
    Instance shop-r3-2 did not become healthy (START_TIMEOUT)
    GET /healthz answered 500.
    Fix: See its log.

Going back to v2.14.4: Instance shop-r3-2 did not become healthy.
  [1/2] Restoring v2.14.4 (1 instance)...healthy
  [2/2] Removing v2.14.3...done

Rollback to v2.14.3 given up after 48.2s.
Production is back where it started: v2.14.4, 3 instances.`,
  },

  'a run that stopped': {
    story: stoppedHalfway(),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...not finished
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...not finished

Stopped: The time allowed by --timeout is over. v2.14.4 is failing (5.00% errors), so no traffic goes back to it.
1 instance of v2.14.3 and 2 instances of v2.14.4 serve.
To go on: rollback-deploy-auto resume ${RUN}
To go back to v2.14.4: rollback-deploy-auto abort ${RUN}`,
  },

  'a run that stopped and was resumed': {
    story: stoppedHalfway()
      .resume()
      .done('start:2/3')
      .does(
        'admit:2/3',
        'drain:2/3:r4',
        'stop:2/3:r4',
        'start:3/3',
        'admit:3/3',
        'drain:3/3:r4',
        'stop:3/3:r4',
      )
      .does('set-current')
      .validate()
      .end({}, 3_720),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...done
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...healthy
  [4/4] Deploying v2.14.3 (instance 3/3)...healthy

${VALIDATION}

Rollback to v2.14.3 completed in 1h 2m.
All instances healthy. Traffic fully restored.`,
  },

  'a run whose plan was built again': {
    story: new Story(planned())
      .backUp()
      .does('start:1/3', 'admit:1/3', 'drain:1/3:r4')
      .replan(
        planned({ instances: [instance(1, target), instance(2, old), instance(3, old)] }),
        'Production changed meanwhile: slot 1 of v2.14.4 is gone',
      )
      .backUp()
      .moves()
      .validate()
      .end({}),
    text: `${HEAD}

Executing rollback:
  [1/4] Draining traffic from current instances...not finished
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy

Going on from what runs now: Production changed meanwhile: slot 1 of v2.14.4 is gone.
  [1/3] Draining traffic from current instances...done
  [2/3] Deploying v2.14.3 (instance 1/2)...healthy
  [3/3] Deploying v2.14.3 (instance 2/2)...healthy

${VALIDATION}

Rollback to v2.14.3 completed in 2m 34s.
All instances healthy. Traffic fully restored.`,
  },

  'blue-green': {
    story: new Story(planned({ strategy: 'blue-green' })).backUp().moves().validate().end({}, 8.4),
    text: `Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: blue-green

${CHECKS}

Executing rollback:
  [1/3] Starting v2.14.3 beside v2.14.4 (3 instances)...healthy
  [2/3] Switching all traffic to v2.14.3...done
  [3/3] Draining traffic from v2.14.4...done

${VALIDATION}

Rollback to v2.14.3 completed in 8.4s.
All instances healthy. Traffic fully restored.`,
  },

  instant: {
    story: new Story(planned({ strategy: 'instant' })).backUp().moves().validate().end({}, 8.4),
    text: `Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: instant

${CHECKS}

Executing rollback:
  [1/3] Starting v2.14.3 beside v2.14.4 (3 instances)...healthy
  [2/3] Switching all traffic to v2.14.3...done
  [3/3] Draining traffic from v2.14.4...done

${VALIDATION}

Rollback to v2.14.3 completed in 8.4s.
All instances healthy. Traffic fully restored.`,
  },

  canary: {
    story: new Story(
      planned({
        strategy: 'canary',
        current: target,
        canary: old,
        instances: [1, 2, 3].map((slot) => instance(slot, target)).concat(instance(4, old)),
      }),
    )
      .backUp()
      .moves()
      .validate()
      .end({}, 8.4),
    text: `Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: canary

${CHECKS}

Executing rollback:
  [1/3] Draining traffic from canary v2.14.4...done
  [2/3] Removing 1 canary instance...done
  [3/3] Giving v2.14.3 all traffic...done

${VALIDATION}

Rollback to v2.14.3 completed in 8.4s.
All instances healthy. Traffic fully restored.`,
  },

  'waived, skipped and unknown checks': {
    story: new Story(
      planned({
        findings: [
          finding('fail', 'Target version v2.14.3 image does not exist in registry', {
            check: 'registry',
            evidence: ['shop:v2.14.3 was deployed as sha256:aaaa'],
            fix: ['Put the image back.'],
            waived: { reason: 'pulled on every node' },
          }),
          finding('unknown', 'Database: none configured; schema compatibility not checked'),
          finding('skipped', 'Database backup: not taken (--no-backup)'),
          finding('warn', 'Tag shop:v2.14.3 was moved since it was deployed; the deployed image is run', {
            headline: false,
            evidence: ['It was deployed as sha256:aaaa;\nthe tag is \u001b[31mgone.'],
            fix: ['Tag it again.', 'Deploy by digest.'],
          }),
        ],
      }),
    )
      .start('back-up-database')
      .done('back-up-database', [])
      .moves()
      .validate()
      .end({}),
    text: `Rollback Target: v2.14.3
Current Version: v2.14.4
Strategy: rolling

Pre-rollback checks:
  [FAIL] Target version v2.14.3 image does not exist in registry
    shop:v2.14.3 was deployed as sha256:aaaa
    waived: pulled on every node
  [UNKNOWN] Database: none configured; schema compatibility not checked
  [SKIPPED] Database backup: not taken (--no-backup)
  [WARN] Tag shop:v2.14.3 was moved since it was deployed; the deployed image is run
    It was deployed as sha256:aaaa;
    the tag is  [31mgone.
    Fix: Tag it again.
    Or: Deploy by digest.

Executing rollback:
  [1/4] Draining traffic from current instances...done
  [2/4] Deploying v2.14.3 (instance 1/3)...healthy
  [3/4] Deploying v2.14.3 (instance 2/3)...healthy
  [4/4] Deploying v2.14.3 (instance 3/3)...healthy

${VALIDATION}

Rollback to v2.14.3 completed in 2m 34s.
All instances healthy. Traffic fully restored.`,
  },
};

describe('text of a run', () => {
  for (const [name, { story, text }] of Object.entries(stories)) {
    it(name, () => expect(textOf(story.entries)).toBe(text));

    it(`${name}: every line is printed once, in order, and stands`, () => {
      const printer = createTextPrinter();
      const printed: string[] = [];
      for (const [i, entry] of story.entries.entries()) {
        printed.push(...printer.apply(entry));
        const now = textLines(runState(story.entries.slice(0, i + 1)));
        expect(now.slice(0, printed.length).map((line) => line.text)).toEqual(printed);
      }
      printed.push(...printer.finish());
      expect(printed.join('\n')).toBe(text);
    });
  }

  it('never changes a line that it printed, whatever happens in whatever order', () => {
    const plans = [planned(), planned({ strategy: 'instant' }), returnPlan(planned(), [instance(1, target)])];
    const step = fc.nat(15);
    const happening = fc.oneof(
      { weight: 12, arbitrary: fc.record({ kind: fc.constantFrom('start', 'done', 'fail'), step }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('stop', 'replan'), step }) },
    );
    const life = fc.record({ happenings: fc.array(happening, { maxLength: 60 }), ends: fc.boolean() });
    fc.assert(
      fc.property(life, ({ happenings, ends }) => {
        let plan = planned();
        const story = new Story(plan);
        const done = new Set<string>();
        for (const { kind, step } of happenings) {
          const id = plan.steps[step % plan.steps.length]?.id as string;
          if (kind === 'stop') story.stop('Interrupted.', 'Some serve.').resume();
          else if (kind === 'replan') {
            plan = plans[step % plans.length] ?? plan;
            done.clear();
            story.replan(plan, 'Changed');
          } else if (done.has(id)) continue;
          else if (kind === 'start') story.start(id);
          else if (kind === 'fail') story.fail(id, {});
          else {
            done.add(id);
            story.done(id, [finding(step % 2 ? 'ok' : 'unknown', `Found by ${id}`)]);
          }
        }
        if (ends) story.end({ exit: 5 });
        const printer = createTextPrinter();
        const printed: string[] = [];
        for (const [i, entry] of story.entries.entries()) {
          printed.push(...printer.apply(entry));
          const now = textLines(runState(story.entries.slice(0, i + 1)));
          expect(now.slice(0, printed.length).map(({ text }) => text)).toEqual(printed);
        }
        printed.push(...printer.finish());
        expect(printed.join('\n')).toBe(textOf(story.entries));
      }),
      { numRuns: 300 },
    );
  });

  it('holds back lines that are true behind one that is not', () => {
    const { entries } = new Story(planned()).backUp().does('start:1/3', 'admit:1/3', 'drain:1/3:r4');
    const printer = createTextPrinter();
    const printed = entries.flatMap((entry) => printer.apply(entry));
    expect(printed.join('\n')).toBe(`${HEAD}\n\nExecuting rollback:`);
    expect(printer.open().filter(({ settled, steps }) => settled && steps.length > 0)).toEqual([
      {
        text: '  [2/4] Deploying v2.14.3 (instance 1/3)...healthy',
        settled: true,
        steps: ['start:1/3', 'admit:1/3'],
      },
    ]);
  });

  it('keeps holding them back over a stop, which a resumed run takes back', () => {
    const { entries } = new Story(planned())
      .backUp()
      .does('start:1/3', 'admit:1/3')
      .stop('Interrupted.', 'All serve.');
    const printer = createTextPrinter();
    const printed = entries.flatMap((entry) => printer.apply(entry));
    expect(printed.at(-1)).toBe('Executing rollback:');
  });

  it('says nothing of a step before it is done', () => {
    const { entries } = new Story(planned()).start('back-up-database');
    const printer = createTextPrinter();
    const printed = entries.flatMap((entry) => printer.apply(entry));
    expect(printed.at(-1)).toBe('  [OK] Configuration compatible with target version');
    expect(printer.finish()).toEqual(['  Back up database...not finished']);
  });

  it('never says restored where a validation is missing', () => {
    const story = new Story(planned()).backUp().moves().end({ exit: 0 });
    expect(textOf(story.entries)).toContain('Running v2.14.3; not confirmed: nothing was validated.');
    expect(textOf(story.entries)).not.toContain('restored');
  });

  it('names what differs where validation says different things', () => {
    const findings = [
      finding('unknown', 'Error rate: 0.01% (no baseline)'),
      finding('warn', 'p95 latency: slow'),
    ];
    const story = new Story(planned()).backUp().moves().validate([health], findings).end({ exit: 5 });
    expect(textOf(story.entries).split('\n').at(-1)).toBe(
      'Running v2.14.3; not confirmed: Error rate: 0.01% (no baseline); p95 latency: slow.',
    );
  });

  it('judges by the validation of the last plan, not of one before', () => {
    const story = new Story(planned())
      .backUp()
      .moves()
      .validate([health], [finding('fail', 'Error rate: 9%')]);
    story.replan(planned({ instances: [1, 2, 3].map((slot) => instance(slot, target)) }), 'Changed');
    story.does('set-current').validate([health], [errorRate, latency]).end({});
    expect(textOf(story.entries).split('\n').at(-1)).toBe('All instances healthy. Traffic fully restored.');
  });

  it("prints the platform's sentence where production is not just as it was", () => {
    const story = failedAndReturned('2 instances of v2.14.4 serve. 1 instance in rotation not ready.');
    expect(textOf(story.entries).split('\n').at(-1)).toBe(
      'Production is back where it started: 2 instances of v2.14.4 serve. 1 instance in rotation not ready.',
    );
  });

  it('offers no way back after a point of no return', () => {
    const plan = planned();
    plan.steps = plan.steps.map((step) =>
      step.id === 'start:1/3' ? { ...step, pointOfNoReturn: 'The column is dropped.' } : step,
    );
    const { entries } = new Story(plan).backUp().start('start:1/3').stop('Left.', 'Unknown.');
    expect(textOf(entries).split('\n').at(-1)).toBe(`To go on: rollback-deploy-auto resume ${RUN}`);
  });

  it('keeps a proof that a second plan makes again to one line', () => {
    const text = stories['a run whose plan was built again']?.text ?? '';
    expect(text.split(backupTaken.title)).toHaveLength(2);
  });
});

function textOf(entries: JournalEntry[]): string {
  return textLines(runState(entries), { final: true })
    .map(({ text }) => text)
    .join('\n');
}

function stoppedHalfway(): Story {
  return new Story(planned())
    .backUp()
    .does('start:1/3', 'admit:1/3', 'drain:1/3:r4', 'stop:1/3:r4')
    .start('start:2/3')
    .stop(
      'The time allowed by --timeout is over. v2.14.4 is failing (5.00% errors), so no traffic goes back to it.',
      '1 instance of v2.14.3 and 2 instances of v2.14.4 serve.',
    );
}

function failedAndReturned(production = '3 instances of v2.14.4 serve.'): Story {
  const plan = planned();
  const back = returnPlan(plan, [
    instance(1, target),
    instance(2, target, { state: 'crashed', inRotation: false }),
    instance(2, old),
    instance(3, old),
  ]);
  const why = 'Instance shop-r3-2 did not become healthy.';
  return new Story(plan)
    .backUp()
    .does('start:1/3', 'admit:1/3', 'drain:1/3:r4', 'stop:1/3:r4')
    .start('start:2/3')
    .fail('start:2/3', {
      code: 'START_TIMEOUT',
      summary: 'Instance shop-r3-2 did not become healthy',
      detail: 'GET /healthz answered 500.',
      fix: 'See its log.',
    })
    .replan(back, why)
    .moves()
    .end({ on: 'start', exit: 1, why, production }, 48.2);
}
