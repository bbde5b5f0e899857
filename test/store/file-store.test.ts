import { promises } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/adapters/store/file.ts';
import { stores } from '../../src/adapters/store/index.ts';
import { writeNumber } from '../../src/adapters/store/numbered-log.ts';
import type { Lease, StateStore } from '../../src/adapters/store/store.ts';
import { readHead, replaceHead } from '../../src/adapters/store/versioned-file.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import { thisHolder } from '../../src/holder.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import { storeContract } from '../contracts/store.ts';
import { withoutRoot } from '../without-root.ts';
import { manualClock } from './manual-clock.ts';
import { ANA, BEN, planned, started } from './sample-run.ts';
import { deadWriterName, runWorker } from './worker-process.ts';

const signal = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rda-store-'));
});
afterEach(async () => {
  await chmod(folder, 0o700);
  await rm(folder, { recursive: true });
});

storeContract('file store', () => ({
  open: (clock, holderState) => stores.file({ path: join(folder, '.rollback'), clock, holderState }),
  dispose: () => {},
}));

async function openRun(entries: number): Promise<{ store: StateStore; run: string }> {
  const store = fileStore({ path: folder, clock: manualClock() });
  const lease = await store.acquireLease('shop', ANA, signal);
  await store.create(lease, 'r-1', planned('r-1'));
  for (let i = 1; i < entries; i++) await store.append(lease, 'r-1', [started(`step-${i}`)]);
  return { store, run: join(folder, 'runs', 'r-1') };
}

describe('file store: what is on the disk', () => {
  it('one numbered file an entry, readable by its user only, and no temporary file', async () => {
    const { run } = await openRun(3);
    expect((await readdir(run)).sort()).toEqual(['000001.json', '000002.json', '000003.json']);
    expect(JSON.parse(await readFile(join(run, '000002.json'), 'utf8'))).toEqual({
      format: 1,
      service: 'shop',
      epoch: 1,
      entry: started('step-1'),
    });
    expect((await stat(join(run, '000002.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(run)).mode & 0o777).toBe(0o700);
  });

  it('keeps two versions of a document and of a lease', async () => {
    const store = fileStore({ path: folder, clock: manualClock() });
    const lease = await store.acquireLease('shop', ANA, signal);
    for (let n = 0; n < 5; n++) {
      await store.renew(lease);
      await store.put('record', 'r-1', n, n);
    }
    expect((await readdir(join(folder, 'documents/record/r-1'))).sort()).toEqual([
      '000004.json',
      '000005.json',
    ]);
    expect((await readdir(join(folder, 'leases/shop'))).sort()).toEqual(['000005.json', '000006.json']);
  });

  it('removes what a dead writer left, and leaves what is not its own', async () => {
    const { store, run } = await openRun(2);
    await writeFile(join(run, await deadWriterName()), '{"half":');
    await writeFile(join(run, '000009.00000000-1-00000000.00000000.tmp'), 'of another host');
    // Each process looks into a folder once, so another one has to.
    await store.release({ service: 'shop', epoch: 1, holder: ANA });
    await runWorker({ mode: 'append', path: folder, count: 1 }).ended;
    expect((await readdir(run)).sort()).toEqual([
      '000001.json',
      '000002.json',
      '000003.json',
      '000004.json',
      '000009.00000000-1-00000000.00000000.tmp',
    ]);
  });

  it('ignores what systems put there, and folders without an entry', async () => {
    const { store } = await openRun(1);
    await writeFile(join(folder, 'runs', '.DS_Store'), '');
    await writeFile(join(folder, 'runs', 'notes.txt'), '');
    await mkdir(join(folder, 'runs', 'r-0'));
    expect(await store.list()).toEqual(['r-1']);
    await expect(store.read('r-0')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  it('goes on with higher epochs where the leases were deleted', async () => {
    const { store } = await openRun(1);
    for (let i = 0; i < 3; i++) {
      const taken = await store.acquireLease('shop', BEN, signal);
      await store.append(taken, 'r-1', [started('x')]);
    }
    await rm(join(folder, 'leases'), { recursive: true });
    expect(await store.acquireLease('shop', ANA, signal)).toMatchObject({ epoch: 5 });
  });
});

describe('file store: writers that slept', () => {
  it('a version below the head, on a number that was pruned, does not count as written', async () => {
    const place = join(folder, 'documents/a/b');
    await replaceHead(place, undefined, 'first');
    const seen = await readHead(place);
    for (const value of ['second', 'third', 'fourth']) await replaceHead(place, await readHead(place), value);
    expect(await readdir(place)).not.toContain('000002.json');
    expect(await replaceHead(place, seen, 'slept')).toBe(false);
    expect((await readHead(place))?.value).toBe('fourth');
    expect((await readdir(place)).sort()).toEqual(['000003.json', '000004.json']);
  });

  it('a reader whose version is pruned between listing and opening reads the newer one', async () => {
    const place = join(folder, 'documents/a/b');
    await replaceHead(place, undefined, 'first');
    const { readFile: read } = promises;
    promises.readFile = (async (path, how) => {
      promises.readFile = read;
      syncBuiltinESMExports();
      for (const value of ['second', 'third']) await replaceHead(place, await readHead(place), value);
      return read(path, how);
    }) as typeof read;
    syncBuiltinESMExports();
    expect((await readHead(place))?.value).toBe('third');
  });

  /** Runs `work` between a client's check of its lease and the write of its entry. */
  function beforeNextLink(work: () => Promise<void>) {
    const { link } = promises;
    promises.link = async (from, to) => {
      promises.link = link;
      syncBuiltinESMExports();
      await work();
      return link(from, to);
    };
    syncBuiltinESMExports();
  }

  const leased: JournalEntry = {
    type: 'leased',
    at: '2026-11-23T21:03:40.000Z',
    epoch: 2,
    holder: BEN,
    purpose: 'resume',
  };

  it('an entry is refused where another took over after the lease was checked', async () => {
    const { store } = await openRun(2);
    const heir = fileStore({ path: folder, clock: manualClock(), holderState: () => 'gone' });
    beforeNextLink(async () => {
      const taken = await heir.acquireLease('shop', BEN, signal);
      await heir.read('r-1');
      await heir.append(taken, 'r-1', [leased]);
    });
    const lease = { service: 'shop', epoch: 1, holder: ANA };
    await expect(store.append(lease, 'r-1', [started('slept')])).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
    expect((await heir.read('r-1')).at(-1)).toEqual(leased);
  });

  it('where the sleeper writes first, the heir is refused and goes on from what is there', async () => {
    const { store } = await openRun(2);
    const heir = fileStore({ path: folder, clock: manualClock(), holderState: () => 'gone' });
    let taken: Lease | undefined;
    beforeNextLink(async () => {
      taken = await heir.acquireLease('shop', BEN, signal);
      await heir.read('r-1');
    });
    await store.append({ service: 'shop', epoch: 1, holder: ANA }, 'r-1', [started('slept')]);
    const mine = taken as Lease;
    await expect(heir.append(mine, 'r-1', [leased])).rejects.toMatchObject({
      code: 'LEASE_LOST',
      detail: expect.stringContaining('has written entry 3 of run r-1'),
    });
    expect((await heir.read('r-1')).at(-1)).toEqual(started('slept'));
    await heir.append(mine, 'r-1', [leased]);
    expect(await heir.read('r-1')).toHaveLength(4);
  });

  it('a number is written once', async () => {
    const results = await Promise.all(['a', 'b', 'c', 'd'].map((text) => writeNumber(folder, 1, text)));
    expect(results.sort()).toEqual(['taken', 'taken', 'taken', 'written']);
    expect(await readdir(folder)).toHaveLength(1);
  });
});

describe('file store: what it says of a folder that is not as it should be', () => {
  it.each([
    ['', /000002\.json is damaged: /],
    ['{"format":1,"epo', /000002\.json is damaged: /],
    ['null', /000002\.json has format undefined; this version reads format 1/],
    [
      '{"format":2,"epoch":1,"entry":{"type":"started"}}',
      /000002\.json has format 2; this version reads format 1/,
    ],
    ['{"format":1,"epoch":1}', /000002\.json is not a journal entry/],
  ])('an entry with the content %j', async (text, detail) => {
    const { store, run } = await openRun(3);
    await writeFile(join(run, '000002.json'), text);
    await expect(store.read('r-1')).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
      detail: expect.stringMatching(detail),
    });
  });

  it('an entry that is missing', async () => {
    const { store, run } = await openRun(3);
    await rm(join(run, '000002.json'));
    await expect(store.read('r-1')).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
      detail: `${join(run, '000002.json')} is missing.`,
    });
  });

  it('a damaged lease and document', async () => {
    const { store } = await openRun(1);
    await store.put('record', 'r-1', {}, 0);
    await writeFile(join(folder, 'leases/shop/000001.json'), '{');
    await writeFile(join(folder, 'documents/record/r-1/000001.json'), '[]');
    const damaged = (file: string) => ({
      code: 'STATE_UNREADABLE',
      detail: expect.stringContaining(file),
    });
    await expect(store.lease('shop')).rejects.toMatchObject(damaged('leases/shop/000001.json'));
    await expect(store.get('record', 'r-1')).rejects.toMatchObject(damaged('record/r-1/000001.json'));
  });

  it('a run that was deleted while it went on', async () => {
    const { store, run } = await openRun(2);
    const lease = { service: 'shop', epoch: 1, holder: ANA };
    await rm(run, { recursive: true });
    await expect(store.append(lease, 'r-1', [started('x')])).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  it('a state folder that is a file', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    const store = fileStore({ path, clock: manualClock() });
    await expect(store.acquireLease('shop', ANA, signal)).rejects.toMatchObject({
      code: 'STATE_UNUSABLE',
      fix: expect.stringContaining('state.path'),
    });
  });
});

describe('file store: when the system refuses', () => {
  const { link } = promises;
  afterEach(() => {
    promises.link = link;
    syncBuiltinESMExports();
  });

  it.each([
    ['ENOSPC', true, /no space left for .*000002\.json/],
    ['EDQUOT', true, /no space left/],
    ['EPERM', false, /has no hard links/],
    ['ENOTSUP', false, /has no hard links/],
    ['EROFS', false, /may not be written by this user/],
    ['EACCES', false, /may not be written by this user/],
    ['EIO', true, /000002\.json failed/],
  ])('%s: says so, retriable %s, and writes nothing', async (code, retriable, detail) => {
    const { store, run } = await openRun(1);
    promises.link = async () => {
      throw Object.assign(new Error(`${code}: refused, link`), { code });
    };
    syncBuiltinESMExports();
    const lease = { service: 'shop', epoch: 1, holder: ANA };
    await expect(store.append(lease, 'r-1', [started('x')])).rejects.toMatchObject({
      code: 'STATE_UNUSABLE',
      retriable,
      detail: expect.stringMatching(detail),
      fix: expect.any(String),
    });
    expect(await readdir(run)).toEqual(['000001.json']);
  });

  it('a lost acknowledgement: the entry is there once, and the next one follows it', async () => {
    const { store } = await openRun(1);
    promises.link = async (from, to) => {
      await link(from, to);
      throw Object.assign(new Error('EIO: i/o error, link'), { code: 'EIO' });
    };
    syncBuiltinESMExports();
    const lease = { service: 'shop', epoch: 1, holder: ANA };
    await expect(store.append(lease, 'r-1', [started('a')])).rejects.toMatchObject({ retriable: true });
    promises.link = link;
    syncBuiltinESMExports();
    expect((await store.read('r-1')).at(-1)).toEqual(started('a'));
    await store.append(lease, 'r-1', [started('b')]);
    expect(await store.read('r-1')).toHaveLength(3);
  });

  it('a repeated link whose first answer was lost counts as written', async () => {
    const { store } = await openRun(1);
    promises.link = async (from, to) => {
      await link(from, to);
      await link(from, to);
    };
    syncBuiltinESMExports();
    const lease = { service: 'shop', epoch: 1, holder: ANA };
    await store.append(lease, 'r-1', [started('a')]);
    expect(await store.read('r-1')).toHaveLength(2);
  });

  it('a read-only folder', async () => {
    await chmod(folder, 0o555);
    const store = fileStore({ path: join(folder, 'state'), clock: manualClock() });
    await withoutRoot(folder, async () => {
      await expect(store.acquireLease('shop', ANA, signal)).rejects.toMatchObject({
        code: 'STATE_UNUSABLE',
        detail: expect.stringContaining('may not be written'),
      });
    });
  });
});

describe('file store: this host', () => {
  it('refuses at once while this process holds the lease, and names it', async () => {
    const store = fileStore({ path: folder, clock: systemClock });
    const me = thisHolder();
    await store.acquireLease('shop', me, signal);
    await expect(store.acquireLease('shop', me, signal)).rejects.toMatchObject({
      code: 'LEASE_HELD',
      summary: `shop is being worked on by ${me.user}@${me.host}`,
      detail: expect.stringContaining(`Process ${process.pid} on ${me.host} has the lease`),
    });
  });

  it('follows a holder whose process id now is another process', async () => {
    const store = fileStore({ path: folder, clock: systemClock });
    const me = thisHolder();
    const before = { ...me, processStart: me.processStart.replace(/^\d+/, '1') };
    await store.acquireLease('shop', before, signal);
    expect(await store.acquireLease('shop', me, signal)).toMatchObject({ epoch: 2 });
  });
});
