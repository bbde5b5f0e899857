import { describe, expect, test } from 'vitest';
import { restorationFindings } from '../../src/adapters/platform/kubernetes/configuration/findings.ts';
import {
  planRestoration,
  type RestorationInput,
} from '../../src/adapters/platform/kubernetes/configuration/plan-restoration.ts';
import {
  configurationOf,
  type RecordedObject,
  type ReleaseSnapshot,
} from '../../src/adapters/platform/kubernetes/configuration/release-snapshot.ts';
import { checkConfiguration } from '../../src/checks/configuration.ts';
import type { ObjectDigest } from '../../src/kubernetes/configuration-objects.ts';
import type { PodTemplate } from '../../src/kubernetes/objects.ts';
import type { ConfigurationFacts, Facts } from '../../src/model/facts.ts';
import type { Release } from '../../src/model/release.ts';

const TEMPLATE: PodTemplate = {
  spec: {
    containers: [
      {
        name: 'web',
        image: 'i',
        env: [
          { name: 'A', valueFrom: { configMapKeyRef: { name: 'one', key: 'a' } } },
          { name: 'P', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
        ],
        envFrom: [{ configMapRef: { name: 'all' } }, { configMapRef: { name: 'maybe', optional: true } }],
      },
    ],
  },
};

const map = (name: string, keys: Record<string, string>, copy?: string): RecordedObject => ({
  kind: 'ConfigMap',
  name,
  exists: true,
  keys,
  copy,
});
const secret = (name: string, keys: Record<string, string>, copy?: string): RecordedObject => ({
  ...map(name, keys, copy),
  kind: 'Secret',
});
const gone = (kind: ObjectDigest['kind'], name: string): ObjectDigest => ({
  kind,
  name,
  exists: false,
  keys: {},
});

const THEN = [
  map('one', { a: '1', b: '1' }, 'one-rda-1'),
  map('all', { x: '1' }, 'all-rda-1'),
  gone('ConfigMap', 'maybe'),
  secret('db', { password: 'p1' }),
];

function snapshotOf(objects: RecordedObject[]): ReleaseSnapshot {
  return { workload: 'deployment/api', revision: 'r', takenAt: '', images: {}, objects, keyId: 'k' };
}

function plan(change: Partial<RestorationInput> & { now?: ObjectDigest[]; recorded?: RecordedObject[] }) {
  const { now = THEN, recorded = THEN, ...rest } = change;
  return planRestoration({
    service: 'shop',
    version: 'v1',
    template: TEMPLATE,
    snapshot: snapshotOf(recorded),
    today: { objects: now, keyId: 'k' },
    restoreSecrets: [],
    ...rest,
  });
}

/** Today, with some objects as they are told. */
function now(...changed: ObjectDigest[]): ObjectDigest[] {
  return THEN.map((one) => changed.find(({ kind, name }) => kind === one.kind && name === one.name) ?? one);
}

describe('what is the same keeps its name', () => {
  test('all of it: the very template', () => {
    const same = plan({});
    expect(same.template).toBe(TEMPLATE);
    expect(same).toMatchObject({ copies: [], says: [], differs: [], missing: [], unrecorded: false });
  });

  test('a key that the template does not use', () => {
    expect(plan({ now: now(map('one', { a: '1', b: '2', c: '3' })) }).copies).toEqual([]);
  });
});

describe('what has changed becomes a copy', () => {
  test.each([
    ['a used key has another value', now(map('one', { a: '2', b: '1' })), 'one', 'one-rda-1'],
    ['a used key is gone', now(map('one', { b: '1' })), 'one', 'one-rda-1'],
    ['the object is gone', now(gone('ConfigMap', 'one')), 'one', 'one-rda-1'],
    ['all keys are used, and one is new', now(map('all', { x: '1', y: '1' })), 'all', 'all-rda-1'],
  ])('%s', (_, objects, of, name) => {
    const made = plan({ now: objects });
    expect(made.copies).toMatchObject([{ of, name }]);
    expect(JSON.stringify(made.template)).toBe(
      JSON.stringify(TEMPLATE).replace(`"name":"${of}"`, `"name":"${name}"`),
    );
    expect(made.missing).toEqual([]);
  });

  test('an optional object that was not there: an empty copy', () => {
    const made = plan({ now: now(map('maybe', { x: '1' })) });
    expect(made.copies).toEqual([
      { kind: 'ConfigMap', of: 'maybe', name: expect.stringMatching(/^maybe-rda-[0-9a-f]{8}$/), keys: {} },
    ]);
  });

  test('not where the copy is gone, or none was taken: that is missing', () => {
    const objects = now(map('one', { a: '2' }));
    const copies = new Set(['ConfigMap/all-rda-1']);
    expect(plan({ now: objects, copies }).missing).toEqual([
      'ConfigMap one has changed, and its copy one-rda-1 is gone.',
    ]);
    expect(plan({ now: objects, copies: new Set(['ConfigMap/one-rda-1']) }).missing).toEqual([]);
  });
});

describe('secrets', () => {
  const rotated = now(secret('db', { password: 'p2' }));
  const copied = THEN.map((one) => (one.name === 'db' ? { ...one, copy: 'db-rda-1' } : one));

  test("today's is used unless it is named", () => {
    const made = plan({ now: rotated, recorded: copied });
    expect(made.template).toBe(TEMPLATE);
    expect(made.differs).toEqual(["Secret db has changed since v1 was recorded; today's is used."]);
    expect(restorationFindings('v1', made).map(({ status }) => status)).toEqual(['ok', 'warn']);
  });

  test('named and copied: it goes back', () => {
    const made = plan({ now: rotated, recorded: copied, restoreSecrets: ['db'] });
    expect(made.copies).toEqual([{ kind: 'Secret', of: 'db', name: 'db-rda-1', keys: { password: 'p1' } }]);
    expect(made.differs).toEqual([]);
  });

  test('named and not copied, or gone and not named: it stops', () => {
    for (const made of [
      plan({ now: rotated, restoreSecrets: ['db'] }),
      plan({ now: now(gone('Secret', 'db')), recorded: copied }),
    ]) {
      expect(made.missing).toHaveLength(1);
      expect(restorationFindings('v1', made)[0]).toMatchObject({ status: 'fail', blocking: true });
    }
  });

  test('fingerprints of another key say nothing', () => {
    const today = { objects: THEN, keyId: 'another' };
    expect(plan({ today }).differs).toEqual([
      "Secret db can't be compared: the key that fingerprints are made with is another one. Today's is used.",
    ]);
    const named = plan({ today, recorded: copied, restoreSecrets: ['db'] });
    expect(named.copies).toEqual([]);
    expect(named.missing).toHaveLength(1);
  });
});

test('a release that was not recorded needs what its pods would not start without', () => {
  const made = plan({ snapshot: undefined, now: now(map('one', { b: '1' }), gone('ConfigMap', 'all')) });
  expect(made.missing).toEqual([
    'v1 needs ConfigMap all, which is not there today.',
    'v1 needs the key a of ConfigMap one, which is not there today.',
  ]);
  expect(made.unrecorded).toBe(true);
  const bare = plan({ snapshot: undefined, template: { spec: { containers: [] } } });
  expect(restorationFindings('v1', bare)).toMatchObject([{ status: 'ok' }]);
});

describe('the check that all platforms share', () => {
  const check = (restoreSecrets: string[], today: ConfigurationFacts) => {
    const configuration = configurationOf({ template: TEMPLATE, snapshot: snapshotOf(THEN), restoreSecrets });
    const facts = { configuration: { known: true, value: today } } as Facts;
    return checkConfiguration(facts, { version: 'v1', configuration } as Release).map(({ status }) => status);
  };
  const facts = (fingerprint: string | undefined): ConfigurationFacts => ({
    environment: {},
    files: {},
    secrets: { 'db/password': { source: 'secret:db/password', fingerprint } },
  });

  test.each([
    ['the same', 'p1', [], ['ok']],
    ['rotated', 'p2', [], ['ok', 'warn']],
    ['gone', undefined, [], ['fail']],
    ['gone, and it goes back', undefined, ['db'], ['ok']],
  ])('a secret that is %s', (_, fingerprint, restoreSecrets, expected) => {
    expect(check(restoreSecrets, facts(fingerprint))).toEqual(expected);
  });
});
