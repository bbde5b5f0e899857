import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Ran, Rig, Status } from './rig.ts';
import { createRig } from './rig.ts';
import type { Row } from './row.ts';
import { BAD, deployBad, deployGood, errorText, GOOD, ok, runRow, servingOf } from './row.ts';

const BACK = { [BAD]: 3 };
const THERE = { [GOOD]: 3 };
const TO_GOOD = ['--version', GOOD, '--reason', 'table of stopped runs'];

/** The release gone back from does well, so that every failure goes back to it. */
const fromHealthy: Row[] = [
  {
    what: 'health that never comes',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: shop-r1-1 was not healthy within 8 s (INSTANCE_NOT_HEALTHY)',
      'The last answer of /healthz was: 503 Service Unavailable; expected 200.',
      'Production is back where it started: 3 instances of v2.14.4 serve.',
      'Look at {folder}/.rollback/local/shop/logs/shop-r1-1.log.',
    ],
    says: ['Production is back where it started: v2.14.4, 3 instances.'],
    serving: BACK,
    arrange: behaving({ [GOOD]: 'never-healthy' }),
  },
  {
    what: 'an instance that crashes at its start, when another serves already',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: shop-r1-2 crashed at start (INSTANCE_CRASHED)',
      'It ended before it was healthy: exit code 7.',
      'Its last lines:',
      '  Cannot find table "sessions"',
      'Production is back where it started: 3 instances of v2.14.4 serve.',
      'Look at {folder}/.rollback/local/shop/logs/shop-r1-2.log.',
    ],
    serving: BACK,
    arrange: behaving({ [GOOD]: 'crash-in-slot-2' }),
  },
  {
    what: 'a timeout',
    args: (rig) => withTimeout(rig, [...TO_GOOD, '--strategy', 'instant']),
    exit: 1,
    error: [
      'Error: The rollback did not finish in time (TIMEOUT)',
      'From the first move to the end of validation it may take {seconds}.',
      'Production is back where it started: 3 instances of v2.14.4 serve.',
      'Allow more with --timeout SECONDS.',
    ],
    serving: BACK,
    async arrange(rig) {
      await startTimeout(rig, 60);
      await deployBad(rig, 'good');
      await behaving({ [GOOD]: 'never-healthy-in-slot-3' })(rig);
      return () => startTimeout(rig, 8);
    },
  },
  {
    what: 'Ctrl-C once',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: Rollback to v2.14.3 was not done (ROLLBACK_NOT_DONE)',
      'Interrupted.',
      'Production is back where it started: 3 instances of v2.14.4 serve.',
      'See what was done: rollback-deploy-auto show {run}',
    ],
    says: [
      'SIGINT: stopping at the next safe point. Once more leaves at once; "rollback-deploy-auto resume" then goes on.',
    ],
    serving: BACK,
    arrange: behaving({}),
    onOutput: onceAdmitted((pid) => process.kill(pid, 'SIGINT')),
  },
  {
    what: 'abort from another process',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: Rollback to v2.14.3 was not done (ROLLBACK_NOT_DONE)',
      'Aborted on request.',
      'Production is back where it started: 3 instances of v2.14.4 serve.',
      'See what was done: rollback-deploy-auto show {run}',
    ],
    serving: BACK,
    arrange: lasting(3),
    onOutput: onceAdmitted((_, rig) => {
      aborting = rig.run(['abort']);
    }),
    async after() {
      const aborted = await aborting;
      expect(aborted?.code, aborted?.stderr).toBe(0);
      expect(aborted?.stderr).toContain('Aborted on request. 3 instances of v2.14.4 serve.');
    },
  },
  {
    what: 'a validation that fails',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: Rollback to v2.14.3 was not done (ROLLBACK_NOT_DONE)',
      'Validation failed: Error rate: {share} (above baseline).',
      'Production is back where it started: 3 instances of v2.14.4 serve.',
      'See what was done: rollback-deploy-auto show {run}',
    ],
    serving: BACK,
    arrange: behaving({ [GOOD]: 'faulty' }),
  },
  {
    what: 'two at once: the second is refused, and the first goes on',
    args: TO_GOOD,
    exit: 0,
    error: undefined,
    says: ['All instances healthy. Traffic fully restored.'],
    serving: THERE,
    arrange: lasting(3),
    onOutput: onceAdmitted((_, rig) => {
      second = rig.run(TO_GOOD);
    }),
    async after(rig) {
      const refused = await second;
      expect(errorText(refused?.stderr ?? '', rig)).toEqual([
        'Error: Run {run} is in progress (LEASE_HELD)',
        'It takes shop from v2.14.4 to v2.14.3, started by {client} at {time}, last heartbeat {time}.',
        'This command changed nothing.',
        'Watch it: rollback-deploy-auto status',
        'Stop it: rollback-deploy-auto abort {run}',
      ]);
      expect(refused?.code).toBe(4);
    },
  },
];

let aborting: Promise<Ran> | undefined;
let second: Promise<Ran> | undefined;

/** The release gone back from fails by evidence, so that only `abort` gives traffic back to it. */
const fromFailing: Row[] = [
  {
    what: 'health that never comes, when no instance of the target serves yet',
    args: TO_GOOD,
    exit: 1,
    error: [
      'Error: shop-r1-1 was not healthy within 8 s (INSTANCE_NOT_HEALTHY)',
      'The last answer of /healthz was: 503 Service Unavailable; expected 200.',
      'Production is back where it started: 3 instances of v2.14.4 serve.',
      'Look at {folder}/.rollback/local/shop/logs/shop-r1-1.log.',
    ],
    serving: BACK,
    arrange: behaving({ [GOOD]: 'never-healthy' }),
  },
  {
    what: 'Ctrl-C once; a plan that was edited since; resume; resume of a run that is over',
    args: TO_GOOD,
    exit: 3,
    error: [
      'Error: Run {run} stopped before its end (INTERRUPTED)',
      'Interrupted. v2.14.4 is failing ({share} of its last requests failed, more than 1%), so no traffic goes back to it.',
      '1 instance of v2.14.3 and 2 instances of v2.14.4 serve.',
      'Go on: rollback-deploy-auto resume {run}',
      'Go back to v2.14.4: rollback-deploy-auto abort {run}',
    ],
    serving: { [BAD]: 2, [GOOD]: 1 },
    unfinished: true,
    arrange: behaving({}),
    onOutput: onceAdmitted((pid) => process.kill(pid, 'SIGINT')),
    async after(rig) {
      const { run } = await rig.status();
      const journal = join(rig.folder, '.rollback', 'runs', run?.runId ?? '', '000001.json');
      const written = await readFile(journal, 'utf8');
      await writeFile(journal, written.replace('"slot":3', '"slot":4'));
      const changed = await rig.run(['resume']);
      expect(errorText(changed.stderr, rig)).toEqual([
        'Error: The plan of run {run} is not the one that was agreed to (PLAN_CHANGED)',
        'Its content does not match its hash: the journal was edited or damaged.',
        'This command changed nothing.',
        'Put its journal back as it was (.rollback/runs/{run}), then: rollback-deploy-auto resume {run}',
      ]);
      expect(changed.code).toBe(4);
      expect(servingOf(await rig.status())).toEqual({ [BAD]: 2, [GOOD]: 1 });
      await writeFile(journal, written);
      await resumed(rig);
      const over = await rig.run(['resume', run?.runId ?? '']);
      expect(errorText(over.stderr, rig)).toEqual([
        'Error: Run {run} is over (RUN_ENDED)',
        'It ended at {time}. All on v2.14.3.',
        '3 instances of v2.14.3 serve.',
        'See what it did: rollback-deploy-auto show {run}',
      ]);
      expect(over.code).toBe(2);
    },
  },
  {
    what: 'Ctrl-C twice; resume',
    args: TO_GOOD,
    exit: 3,
    error: [
      'Error: Run {run} stopped before its end (INTERRUPTED)',
      'Left at once on request.',
      '{production}',
      'Go on: rollback-deploy-auto resume {run}',
      'Go back to v2.14.4: rollback-deploy-auto abort {run}',
    ],
    says: ['SIGINT: leaving at once.'],
    serving: 'enough',
    unfinished: true,
    arrange: behaving({}),
    onOutput: twice(
      onceAdmitted((pid) => process.kill(pid, 'SIGINT')),
      once('SIGINT: stopping', (pid) => process.kill(pid, 'SIGINT')),
    ),
    after: resumed,
  },
  {
    what: 'the starting release has no ready instance, and 2 of 3 target instances are healthy at the timeout; resume',
    args: (rig) => withTimeout(rig, TO_GOOD),
    exit: 3,
    error: [
      'Error: Run {run} stopped before its end (INTERRUPTED)',
      'The rollback did not finish in time: From the first move to the end of validation it may take {seconds}. v2.14.4 is failing (none of its instances is ready; {share} of its last requests failed, more than 1%), so no traffic goes back to it.',
      '2 instances of v2.14.3 serve. 1 instance in rotation not ready.',
      'Go on: rollback-deploy-auto resume {run}',
      'Go back to v2.14.4: rollback-deploy-auto abort {run}',
    ],
    serving: { [GOOD]: 2 },
    unfinished: true,
    async arrange(rig) {
      await startTimeout(rig, 60);
      await deployBad(rig, 'faulty');
      await behaving({ [GOOD]: 'never-healthy-in-slot-3', [BAD]: 'never-healthy' })(rig);
      let instances: Status['instances'];
      do instances = (await rig.status()).instances;
      while (instances.some(({ state }) => state !== 'unready'));
      return () => startTimeout(rig, 8);
    },
    async after(rig) {
      const { instances } = await rig.status();
      const inRotation = instances
        .filter((one) => one.inRotation)
        .map(({ version, state }) => [version, state]);
      // Both keep serving: what remains of the starting release fails its health check and answers all the same.
      expect(inRotation.sort()).toEqual([
        [GOOD, 'ready'],
        [GOOD, 'ready'],
        [BAD, 'unready'],
      ]);
      await rig.control({ [BAD]: 'never-healthy' });
      await resumed(rig);
    },
  },
  {
    what: 'a validation that fails',
    args: TO_GOOD,
    exit: 5,
    error: undefined,
    says: [
      'Running v2.14.3; not confirmed: validation failed: Error rate: {share} (above baseline). Not going back: ',
    ],
    serving: THERE,
    arrange: behaving({ [GOOD]: 'faulty' }),
  },
  {
    what: 'no traffic to validate by',
    args: TO_GOOD,
    exit: 5,
    error: undefined,
    says: ['Running v2.14.3; not confirmed: no traffic to judge by.\n'],
    serving: THERE,
    load: false,
    arrange: behaving({}),
  },
];

const STARTS = { healthy: 'good', failing: 'faulty' } as const;

for (const [start, rows] of Object.entries({ healthy: fromHealthy, failing: fromFailing })) {
  describe(`where the starting release is ${start}`, () => {
    let rig: Rig;

    beforeAll(async () => {
      rig = await createRig();
      await deployGood(rig);
    }, 120_000);

    afterAll(() => rig?.close());

    for (const row of rows) {
      test(row.what, { timeout: 120_000 }, async () => {
        const status = await rig.status();
        if (status.current.version !== BAD) await deployBad(rig, STARTS[start as keyof typeof STARTS]);
        await runRow(rig, row);
      });
    }
  });
}

function behaving(behaviours: Record<string, string>): NonNullable<Row['arrange']> {
  return async (rig) => {
    await rig.control(behaviours);
    return undefined;
  };
}

/** A validation of so many seconds, so that the run still goes on when another process comes. */
function lasting(seconds: number): NonNullable<Row['arrange']> {
  return async (rig) => {
    await rig.control({});
    await rig.configure((text) => text.replace('minSeconds: 0.3', `minSeconds: ${seconds}`));
    return () => rig.configure((text) => text.replace(`minSeconds: ${seconds}`, 'minSeconds: 0.3'));
  };
}

/** Instances have so long to be healthy, from the next deployment on. */
function startTimeout(rig: Rig, seconds: number): Promise<void> {
  return rig.configure((text) => text.replace(/startTimeout: \d+/, `startTimeout: ${seconds}`));
}

/** With a timeout that the plan's own estimate just allows, however slow this machine is. */
async function withTimeout(rig: Rig, args: string[]): Promise<string[]> {
  const { stdout } = await rig.ok(['plan', ...args, '--output', 'json']);
  return [...args, '--timeout', String(Math.ceil(JSON.parse(stdout).estimateMs / 1000) + 2)];
}

type OnOutput = NonNullable<Row['onOutput']>;

/** Once the first new instance serves, and the next one starts. */
function onceAdmitted(act: (pid: number, rig: Rig) => void): OnOutput {
  return once(/admit-instance:1\/3:\S+ done/, act);
}

function once(said: string | RegExp, act: (pid: number, rig: Rig) => void): OnOutput {
  let acted = false;
  return (printed, pid, rig) => {
    if (acted || !(typeof said === 'string' ? printed.includes(said) : said.test(printed))) return;
    acted = true;
    act(pid, rig);
  };
}

function twice(first: OnOutput, then: OnOutput): OnOutput {
  return (printed, pid, rig) => {
    first(printed, pid, rig);
    then(printed, pid, rig);
  };
}

async function resumed(rig: Rig): Promise<void> {
  const { stdout } = await ok(rig.run(['resume']));
  expect(stdout).toContain('All instances healthy. Traffic fully restored.\n');
  const status = await rig.status();
  expect(servingOf(status)).toEqual(THERE);
  expect(status.run).toBeUndefined();
}
