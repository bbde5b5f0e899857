import { describe, expect, test } from 'vitest';
import { type ConsentRules, consent } from '../src/cli/consent.ts';
import type { Plan } from '../src/model/plan.ts';

const plan = {
  service: 'shop',
  platform: 'local',
  instances: 3,
  noun: { one: 'instance', many: 'instances' },
  direction: 'back',
  from: { id: 'r4', version: 'v2.14.4', digest: '' },
  to: { id: 'r3', version: 'v2.14.3', digest: '' },
} as Plan;

function rules(answers: (string | undefined)[], given: Partial<ConsentRules> = {}) {
  const asked: string[] = [];
  return {
    asked,
    yes: false,
    named: false,
    reason: undefined,
    isTerminal: true,
    argv: [],
    ask: async (question: string) => {
      asked.push(question);
      return answers.shift();
    },
    ...given,
  };
}

describe('on a terminal', () => {
  test('asks once, naming everything, and then why', async () => {
    const asking = rules(['y', ' checkout fails ']);
    expect(await consent({ plan, mayLose: [] }, asking)).toEqual({ given: true, reason: 'checkout fails' });
    expect(asking.asked).toEqual([
      'Roll back shop (local, 3 instances) v2.14.4 -> v2.14.3? [y/N] ',
      'Why? (kept in the record; empty: not given) ',
    ]);
  });

  test('a reason already given is not asked for, an empty one is none', async () => {
    const asking = rules(['yes'], { reason: 'x' });
    expect(await consent({ plan, mayLose: [] }, asking)).toEqual({ given: true, reason: 'x' });
    expect(asking.asked).toHaveLength(1);
    expect(await consent({ plan, mayLose: [] }, rules(['Y', '  ']))).toEqual({
      given: true,
      reason: undefined,
    });
  });

  test.each([['n'], [''], ['yesterday'], [undefined]])('%j is no', async (answer) => {
    expect(await consent({ plan, mayLose: [] }, rules([answer]))).toEqual({ given: false });
  });

  test('Ctrl-C at the second question is no', async () => {
    expect(await consent({ plan, mayLose: [] }, rules(['y', undefined]))).toEqual({ given: false });
  });

  test('asks though the version was typed, and says what may be lost', async () => {
    const asking = rules(['y', ''], { named: true });
    await consent({ plan, mayLose: ['Orders since 10:32 are dropped.'] }, asking);
    expect(asking.asked[0]).toBe(
      'May lose data: Orders since 10:32 are dropped.\nRoll back shop (local, 3 instances) v2.14.4 -> v2.14.3? [y/N] ',
    );
  });

  test('--yes is not asked', async () => {
    const asking = rules([], { yes: true });
    expect(await consent({ plan, mayLose: ['x.'] }, asking)).toEqual({ given: true, reason: undefined });
    expect(asking.asked).toEqual([]);
  });

  test('a way back is called one', async () => {
    const asking = rules(['n']);
    await consent({ plan: { ...plan, direction: 'return', instances: 1 }, mayLose: [] }, asking);
    expect(asking.asked).toEqual([
      'Return shop (local, 1 instance) v2.14.4 -> v2.14.3, where the run started? [y/N] ',
    ]);
  });
});

describe('where nobody can be asked', () => {
  test('a typed version is consent', async () => {
    const asking = rules([], { isTerminal: false, named: true });
    expect(await consent({ plan, mayLose: [] }, asking)).toEqual({ given: true, reason: undefined });
  });

  test('without one it ends with the command to type', async () => {
    const asking = rules([], { isTerminal: false, argv: ['--strategy', 'canary', '--reason', "it's slow"] });
    await expect(consent({ plan, mayLose: [] }, asking)).rejects.toMatchObject({
      code: 'CONSENT_NEEDED',
      summary: 'Not confirmed: Roll back shop (local, 3 instances) v2.14.4 -> v2.14.3',
      detail: 'Nobody can be asked here, and the command does not name the version to go back to.',
      production: 'Production is unchanged.',
      fix: "Name it: rollback-deploy-auto --strategy canary --reason 'it'\\''s slow' --version v2.14.3 (or add --yes)",
      exit: 2,
    });
  });

  test('a typed version is not consent to losing data', async () => {
    const asking = rules([], { isTerminal: false, named: true, argv: ['--version', 'v2.14.3'] });
    await expect(
      consent({ plan, mayLose: ['Orders since 10:32 are dropped.'] }, asking),
    ).rejects.toMatchObject({
      code: 'CONSENT_NEEDED',
      detail:
        'It may lose data: Orders since 10:32 are dropped. Nobody can be asked here, so it needs --yes.',
      fix: 'Confirm it: rollback-deploy-auto --version v2.14.3 --yes',
      exit: 2,
    });
  });
});
