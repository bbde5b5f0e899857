import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { diskWrites } from '../src/adapters/platform/local/proxy-disk.ts';
import { openTrafficRecorder } from '../src/adapters/platform/local/traffic-recorder.ts';
import { removeFolder, serviceFolder } from './local-proxy-rig.ts';

const NOON = Date.UTC(2026, 2, 15, 12);
const HOUR = 3_600_000;

let dir: string;
let now: number;
let told: string[];

beforeEach(async () => {
  dir = await serviceFolder([]);
  now = NOON;
  told = [];
});

afterEach(async () => {
  await removeFolder(dir);
});

function open() {
  return openTrafficRecorder(
    dir,
    diskWrites((line) => told.push(line)),
    () => now,
  );
}

it('keeps releases and moments apart', () => {
  const recorder = open();
  recorder.record('r1', false, 10);
  recorder.record('r2', true, undefined);
  recorder.flush();
  now += 1_000;
  recorder.record('r1', false, 20);
  recorder.record('r1', false, undefined);
  expect(recorder.traffic('r1', NOON - 1, now)).toMatchObject({ requests: 3, errors: 0 });
  expect(recorder.traffic('r1', NOON, now)).toMatchObject({ requests: 2 });
  expect(recorder.traffic('r1', NOON - 1, NOON)).toMatchObject({ requests: 1 });
  expect(recorder.traffic('r2', NOON - 1, now)).toMatchObject({ requests: 1, errors: 1, p95Ms: undefined });
  recorder.close();
});

it('does not write a line twice that was written and not marked when it died', async () => {
  const first = open();
  first.record('r1', false, 10);
  first.record('r1', true, undefined);
  // As it is when the process dies right after the line: the totals on disk do not know of it.
  const before = await readFile(join(dir, 'traffic-totals.bin'));
  first.flush();
  await writeFile(join(dir, 'traffic-totals.bin'), before);
  const second = open();
  second.record('r1', false, 10);
  expect(second.traffic('r1', NOON - 1, NOON)).toMatchObject({ requests: 3, errors: 1 });
  expect(second.totals().r1).toMatchObject({ requests: 3, errors: 1 });
  second.close();
});

it('writes a line again that a crash tore', async () => {
  const first = open();
  first.record('r1', false, 10);
  const [name] = ['2026-03-15.jsonl'];
  await appendFile(join(dir, 'traffic', name as string), '{"t":1773');
  const second = open();
  expect(second.traffic('r1', NOON - 1, NOON)).toMatchObject({ requests: 1 });
  expect((await readFile(join(dir, 'traffic', name as string), 'utf8')).split('\n')).toHaveLength(2);
  second.close();
});

it('reads from disk what is no longer in memory, and deletes days older than three', async () => {
  const recorder = open();
  recorder.record('r1', false, 10);
  recorder.flush();
  now += 30 * HOUR;
  recorder.record('r1', false, 10);
  recorder.flush();
  now += 3 * HOUR;
  recorder.record('r1', false, 10);
  expect(recorder.traffic('r1', NOON - 1, now)).toMatchObject({ requests: 3 });
  expect(recorder.traffic('r1', now - 4 * HOUR, now)).toMatchObject({ requests: 2 });
  expect(recorder.traffic('r1', now - HOUR, now)).toMatchObject({ requests: 1 });
  expect(await readdir(join(dir, 'traffic'))).toEqual(['2026-03-15.jsonl', '2026-03-16.jsonl']);
  now = NOON + 96 * HOUR;
  recorder.record('r1', false, 10);
  recorder.flush();
  expect(await readdir(join(dir, 'traffic'))).toEqual(['2026-03-16.jsonl', '2026-03-19.jsonl']);
  expect(recorder.totals().r1?.requests).toBe(4);
  recorder.close();
});

it('goes on counting where the log cannot be written, and says so', async () => {
  const recorder = open();
  await removeFolder(join(dir, 'traffic'));
  recorder.record('r1', false, 10);
  recorder.flush();
  recorder.flush();
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('traffic log');
  expect(recorder.totals().r1?.requests).toBe(1);
  recorder.close();
});

it('refuses totals that it did not write', async () => {
  await writeFile(join(dir, 'traffic-totals.bin'), Buffer.alloc(8192, 1));
  expect(open).toThrow(expect.objectContaining({ code: 'TRAFFIC_FORMAT' }));
});
