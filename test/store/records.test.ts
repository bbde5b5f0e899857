import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/adapters/store/store.ts';
import type { CommandContext } from '../../src/commands/context.ts';
import { history } from '../../src/commands/history.ts';
import { recordOf, saveRecord, updateRecord } from '../../src/commands/records.ts';
import { show } from '../../src/commands/show.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { MonitorResult, RunRecord } from '../../src/model/record.ts';
import { manualClock } from './manual-clock.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';
import { ANA, BEN, planned, samplePlan, sampleStep } from './sample-run.ts';

const at = (second: number) => new Date(Date.parse('2026-11-23T21:03:38Z') + second * 1000).toISOString();
const finding = (title: string, status: Finding['status'] = 'ok'): Finding => ({
  check: title,
  status,
  title,
  evidence: [`${title} was seen`],
  blocking: false,
  fix: [],
  headline: true,
});
const backup = {
  name: 'backup-20261123-210338.sql',
  path: '/b/backup-20261123-210338.sql',
  sha256: 'ab',
  bytes: 9,
};
const steps = [
  sampleStep('back-up', { kind: 'back-up-database', phase: 'prove' }),
  sampleStep('start-instance:1/3'),
  sampleStep('validate', { kind: 'validate-traffic', phase: 'confirm' }),
];
const started = (second: number, step: string): JournalEntry => ({
  type: 'started',
  at: at(second),
  step,
  before: null,
});
const done = (second: number, step: string, output: unknown = null, observed = false): JournalEntry => ({
  type: 'done',
  at: at(second),
  step,
  output,
  observed,
});
const leased = (second: number, epoch: number, purpose: 'run' | 'resume', holder = ANA): JournalEntry => ({
  type: 'leased',
  at: at(second),
  epoch,
  holder,
  purpose,
});
const ended = (second: number, exit: 0 | 1 = 0): JournalEntry => ({
  type: 'ended',
  at: at(second),
  end: { on: 'target', exit, why: 'All of it is confirmed.', production: '3 instances of v2.14.3 serve.' },
});
const first = planned('r-1', { steps, findings: [finding('image')] });
const whole: JournalEntry[] = [
  first,
  leased(0, 1, 'run'),
  started(1, 'back-up'),
  done(3, 'back-up', { backup: { ...backup, rows: {}, tookMs: 5 }, findings: [finding('backup')] }),
  started(4, 'start-instance:1/3'),
  done(9, 'start-instance:1/3'),
  started(9, 'validate'),
  done(20, 'validate', {
    traffic: { requests: 400, errors: 2 },
    findings: [finding('rate'), finding('p95')],
  }),
  ended(21),
];

describe('recordOf', () => {
  it('tells a whole run from its journal', () => {
    expect(recordOf(whole)).toEqual({
      format: 1,
      runId: 'r-1',
      service: 'shop',
      target: 'local/shop',
      noun: { one: 'instance', many: 'instances' },
      reason: 'orders fail',
      by: 'ana',
      holders: [{ at: at(0), purpose: 'run', holder: ANA }],
      startedAt: at(0),
      endedAt: at(21),
      from: { id: 'r4', version: 'v2.14.4', digest: 'sha256:44' },
      to: { id: 'r3', version: 'v2.14.3', digest: 'sha256:33' },
      strategy: 'rolling',
      end: 'target',
      exit: 0,
      production: '3 instances of v2.14.3 serve.',
      why: 'All of it is confirmed.',
      checks: [finding('image'), finding('backup')],
      validation: [finding('rate'), finding('p95')],
      steps: [
        { id: 'back-up', phase: 'prove', state: 'done', at: at(3), tookMs: 2000, error: undefined },
        { id: 'start-instance:1/3', phase: 'move', state: 'done', at: at(9), tookMs: 5000, error: undefined },
        { id: 'validate', phase: 'confirm', state: 'done', at: at(20), tookMs: 11_000, error: undefined },
      ],
      movedMs: 17_000,
      durationMs: 21_000,
      failedRequests: 2,
      requests: 400,
      drained: undefined,
      reconcilers: [],
      backup,
      monitor: undefined,
      planHash: 'hash-1',
    });
  });

  it('says of a run without an end what is known, and no more', () => {
    const record = recordOf(whole.slice(0, 5));
    expect(record).toMatchObject({
      end: undefined,
      exit: undefined,
      endedAt: undefined,
      failedRequests: undefined,
      requests: undefined,
      validation: [],
      movedMs: 0,
      durationMs: 4000,
    });
    expect(record.steps.map((step) => step.id)).toEqual(['back-up']);
    expect(recordOf(whole.slice(0, 2))).toMatchObject({ movedMs: undefined, backup: undefined });
  });

  it('adds up connections that were cut, each pod once, and says where none could be seen', () => {
    const drains = ['drain-pods:1/2', 'drain-pods:2/2', 'drain-instance:1'];
    const plan = planned('r-1', {
      steps: drains.map((id) => sampleStep(id, { kind: id.slice(0, id.indexOf(':')), input: null })),
    });
    const [a, both] = [
      { pods: ['a'], cut: { a: 4 } },
      { pods: ['a', 'b', 'c'], cut: { a: 4, b: 3 } },
    ];
    const record = recordOf([
      plan,
      done(1, 'drain-pods:1/2', { ...a, how: 'connections', drainedMs: 3000 }),
      done(2, 'drain-pods:2/2', { ...both, how: 'bound', drainedMs: 7000 }),
      done(3, 'drain-instance:1', { cut: 2, drainedMs: 10 }),
    ]);
    expect(record.drained).toEqual({ how: ['connections', 'bound'], longestMs: 7000, cut: 9, unseen: 1 });
    // Whoever goes on finds the pod gone.
    const gone = recordOf([
      plan,
      done(1, 'drain-pods:1/2', a),
      plan,
      done(2, 'drain-pods:1/2', { pods: [] }),
    ]);
    expect(gone.drained).toMatchObject({ cut: 4, unseen: 0 });
  });

  it('tells what stays suspended, and how it is resumed', () => {
    const [name, why, fix] = ['flux-kustomization/shop/shop', 'Not known.', 'flux resume it'];
    const plan = planned('r-1', {
      steps: ['suspend-reconciler', 'resume-reconciler'].map((kind) =>
        sampleStep(`${kind}:${name}`, { kind }),
      ),
    });
    const suspended = [plan, done(1, `suspend-reconciler:${name}`, { run: 'r-1' })];
    expect(recordOf(suspended).reconcilers).toMatchObject([{ name, resumed: false, fix: undefined }]);
    const left = done(2, `resume-reconciler:${name}`, { resumed: false, why, fix });
    expect(recordOf([...suspended, left]).reconcilers).toEqual([{ name, resumed: false, why, fix }]);
  });

  it('tells a stop, and that it is over once somebody goes on', () => {
    const stop: JournalEntry = {
      type: 'stopped',
      at: at(8),
      why: 'Asked to stop.',
      production: '1 instance of v2.14.3 and 2 of v2.14.4 serve.',
      exit: 3,
    };
    const stopped = [...whole.slice(0, 5), stop];
    expect(recordOf(stopped)).toMatchObject({
      end: undefined,
      exit: 3,
      why: 'Asked to stop.',
      durationMs: 8000,
    });
    expect(recordOf([...stopped, leased(60, 2, 'resume', BEN)])).toMatchObject({ exit: undefined });
  });

  it('names everyone who held the run, and gives no time to a step that was cut off', () => {
    const record = recordOf([
      ...whole.slice(0, 5),
      leased(60, 2, 'resume', BEN),
      done(61, 'start-instance:1/3', null, true),
    ]);
    expect(record.holders.map(({ purpose, holder }) => [purpose, holder.user])).toEqual([
      ['run', 'ana'],
      ['resume', 'ben'],
    ]);
    expect(record.steps.at(-1)).toMatchObject({ id: 'start-instance:1/3', tookMs: undefined });
  });

  it('keeps the last word of a step that ran again, and all of the way back', () => {
    const again = samplePlan('r-1', { steps, hash: 'hash-2' });
    const back = samplePlan('r-1', { direction: 'return', steps, hash: 'hash-3' });
    const error = { code: 'X', summary: 'It failed', detail: undefined, fix: undefined };
    const record = recordOf([
      ...whole.slice(0, -1),
      { type: 'planned', at: at(22), plan: again, why: 'Somebody scaled.' },
      done(30, 'validate', { traffic: { requests: 9, errors: 9 }, findings: [finding('rate', 'fail')] }),
      { type: 'failed', at: at(31), step: 'start-instance:1/3', error },
      { type: 'planned', at: at(32), plan: back, why: 'Going back.' },
      done(40, 'validate', { traffic: { requests: 1, errors: 0 }, findings: [finding('start is well')] }),
    ]);
    expect(record.validation).toEqual([finding('rate', 'fail'), finding('start is well')]);
    // Of the target, not of where it went back to.
    expect(record).toMatchObject({ requests: 9, failedRequests: 9, planHash: 'hash-2' });
    expect(record.steps.at(-2)).toMatchObject({ state: 'failed', error });
  });

  it('has no negative time where the clock went back', () => {
    expect(recordOf([first, ended(-60)])).toMatchObject({ durationMs: 0 });
  });

  it('refuses a journal that does not begin with a plan', () => {
    expect(() => recordOf(whole.slice(1))).toThrow('A journal starts with a plan.');
  });
});

describe('stored records', () => {
  const watching: MonitorResult = {
    state: 'watching',
    since: at(21),
    until: at(99),
    lookedAt: undefined,
    requests: 0,
    errors: 0,
    errorRate: undefined,
    p95Ms: undefined,
    notes: [],
  };
  const render = (record: RunRecord) => `# ${record.runId} ${record.monitor?.requests ?? 'unwatched'}\n`;
  let folder: string;
  let store: MemoryStore;
  let lease: Lease;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rda-records-'));
    store = memoryStore({ clock: manualClock() });
    lease = await store.acquireLease('shop', ANA, new AbortController().signal);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const file = (name: string) => readFile(join(folder, 'records', name), 'utf8');

  it('are a document and two files, for their user only', async () => {
    const saved = await saveRecord(store, folder, recordOf(whole), render);
    expect(saved).toEqual(recordOf(whole));
    expect((await store.get('records', 'r-1'))?.value).toEqual(JSON.parse(await file('r-1.json')));
    expect(await file('r-1.md')).toBe('# r-1 unwatched\n');
    expect((await readdir(join(folder, 'records'))).sort()).toEqual(['r-1.json', 'r-1.md']);
    expect((await stat(join(folder, 'records', 'r-1.json'))).mode & 0o777).toBe(0o600);
  });

  it('keep what a monitor added when the run is told again', async () => {
    await saveRecord(store, folder, recordOf(whole), render);
    await updateRecord(store, folder, 'r-1', render, (record) => ({ ...record, monitor: watching }));
    const saved = await saveRecord(store, folder, recordOf(whole), render);
    expect(saved.monitor).toEqual(JSON.parse(JSON.stringify(watching)));
    expect(await file('r-1.md')).toBe('# r-1 0\n');
  });

  it('begin with the journal where none was stored', async () => {
    await store.create(lease, 'r-1', first);
    await updateRecord(store, folder, 'r-1', render, (record) => ({ ...record, monitor: watching }));
    expect((await store.get<RunRecord>('records', 'r-1'))?.value).toMatchObject({ runId: 'r-1', by: 'ana' });
    await expect(updateRecord(store, folder, 'r-2', render, (record) => record)).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
    });
  });

  it('lose no change of several at once, and the files are of the last', async () => {
    await saveRecord(store, folder, recordOf(whole, watching), render);
    const look = () =>
      updateRecord(store, folder, 'r-1', render, (record) => ({
        ...record,
        monitor: { ...watching, requests: (record.monitor?.requests ?? 0) + 1 },
      }));
    await Promise.all([look(), look(), look(), look()]);
    expect((await store.get<RunRecord>('records', 'r-1'))?.value.monitor?.requests).toBe(4);
    expect(await file('r-1.md')).toBe('# r-1 4\n');
  });

  it('say that they can not be written', async () => {
    await expect(saveRecord(store, '/dev/null', recordOf(whole), render)).rejects.toMatchObject({
      code: 'RECORD_NOT_WRITTEN',
      detail: expect.stringContaining('The run itself is journalled.'),
    });
  });

  const context = () => ({ serviceName: 'shop', adapters: { store } }) as unknown as CommandContext;

  it('history: runs of the service, newest first, also without an end', async () => {
    expect((await history(context())).json).toEqual([]);
    for (const id of ['r-1', 'r-3']) await store.create(lease, id, planned(id));
    const cart = await store.acquireLease('cart', ANA, new AbortController().signal);
    await store.create(cart, 'r-2', planned('r-2', { service: 'cart' }));
    await store.append(lease, 'r-1', [ended(21)]);
    await updateRecord(store, folder, 'r-1', render, (record) => ({ ...record, monitor: watching }));
    const { json } = await history(context());
    expect(json).toMatchObject([
      { runId: 'r-3', end: undefined },
      { runId: 'r-1', end: 'target', monitor: { state: 'watching' } },
    ]);
  });

  it.each([
    ['r-2026-ab', 'r-2026-ab'],
    ['r-2026-abc', 'r-2026-abc'],
    ['r-2026-b', 'r-2026-bcd'],
    ['last', 'r-2026-bcd'],
  ])('show %s is run %s', async (meant, runId) => {
    for (const id of ['r-2026-ab', 'r-2026-abc', 'r-2026-bcd']) await store.create(lease, id, planned(id));
    expect(await show(context(), meant)).toMatchObject({ runId, exit: 0, json: { runId } });
  });

  it('show says which runs are near, or could be meant', async () => {
    await expect(show(context(), 'last')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND', exit: 2 });
    for (const id of ['r-aa', 'r-ab']) await store.create(lease, id, planned(id));
    await expect(show(context(), 'r-a')).rejects.toMatchObject({
      code: 'RUN_AMBIGUOUS',
      exit: 2,
      detail: 'They are r-aa, r-ab.',
    });
    await expect(show(context(), 'x-ab')).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
      detail: expect.stringContaining('r-ab, r-aa'),
    });
  });
});
