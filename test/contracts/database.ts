import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backup, Database } from '../../src/adapters/database/database.ts';

/** A live database with rows in it, and the adapter that is tested on it, configured to keep two backups. */
export interface DatabaseFixture {
  database: Database;
  backupFolder: string;
  /** Of the names of backups. */
  extension: 'sql' | 'dump';
  /** As the rows of a backup name a table. */
  table(name: string): string;
  /** What `restore` is told, for a new place. */
  place(name: string): string;
  /** Places that are there beside the live database. */
  places(): Promise<string[]>;
  /** Puts something in a place, which must stay. */
  occupy(place: string): Promise<void>;
  /** Runs SQL on the live database, on a connection of its own. */
  exec(sql: string): Promise<void>;
  /** Makes a table `filler` (x) with this many rows of 200 characters. */
  fill(rows: number): Promise<void>;
  /** All definitions and values, types included, read by other means than the adapter's. */
  content(restored?: string): Promise<string>;
  /** First column of the first row as a number, of the live database or of a restored one. */
  number(sql: string, restored?: string): Promise<number>;
  /** Deletes the live database. */
  destroy(): Promise<void>;
  end(): Promise<void>;
}

export interface ContractOptions {
  /** How many places are damaged, one after another; proving a backup takes longer on a server. */
  cuts: number;
  flips: number;
}

const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);
const NEVER = new AbortController().signal;

/** What every `Database` must do. `create` makes a database with tables, odd values and odd names. */
export function databaseContract(
  kind: string,
  { cuts, flips }: ContractOptions,
  create: () => Promise<DatabaseFixture>,
): void {
  describe(`database contract: ${kind}`, () => {
    let fixture: DatabaseFixture;
    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(() => fixture.end());

    const take = (overrides: Partial<Parameters<Database['backUp']>[0]> = {}) =>
      fixture.database.backUp({ nowMs: NOW, signal: NEVER, progress() {}, ...overrides });

    test('dump, destroy, restore: everything is there again', async () => {
      const before = await fixture.content();
      const backup = await take();
      await fixture.database.verify(backup, NEVER);
      await fixture.destroy();
      const into = fixture.place('restored');
      await fixture.database.restore(backup, into, NEVER);
      expect(await fixture.places()).toEqual([into]);
      expect(await fixture.content(into)).toBe(before);
    });

    test('the backup is named by time, is its owner’s alone, and leaves nothing else behind', async () => {
      const backup = await take();
      const file = await readFile(backup.path);
      expect(backup.name).toBe(`backup-20260315-103200.${fixture.extension}`);
      expect(backup.bytes).toBe(file.length);
      expect(backup.sha256).toBe(createHash('sha256').update(file).digest('hex'));
      await fixture.database.verify(backup, NEVER, 'read');
      await fixture.database.verify(backup, NEVER);
      const names = await readdir(fixture.backupFolder);
      for (const name of names)
        expect((await stat(join(fixture.backupFolder, name))).mode & 0o777, name).toBe(0o600);
      expect(names.filter((name) => !name.endsWith('.json'))).toEqual([backup.name]);
      expect(await fixture.places()).toEqual([]);
    });

    test('backups of the same second keep apart; the newest come first, and the oldest are deleted', async () => {
      const names = [];
      for (const nowMs of [NOW, NOW, NOW, NOW + 1000]) names.push((await take({ nowMs })).name);
      const newestFirst = [...names].reverse();
      expect(new Set(names).size).toBe(4);
      expect((await fixture.database.backups()).map((b) => b.name)).toEqual(newestFirst);
      expect(await fixture.database.prune()).toEqual(newestFirst.slice(2));
      expect((await fixture.database.backups()).map((b) => b.name)).toEqual(newestFirst.slice(0, 2));
      const left = (await readdir(fixture.backupFolder)).map((name) => name.replace(/\.json$/, ''));
      expect(new Set(left)).toEqual(new Set(newestFirst.slice(0, 2)));
    });

    test('a backup of a run is found again as it was', async () => {
      const mine = await take({ run: 'r-1' });
      await take({ run: 'r-2', nowMs: NOW + 1000 });
      const { tookMs: _, ...expected } = mine;
      expect(await fixture.database.backupOf('r-1', NOW)).toMatchObject(expected);
      expect(await fixture.database.backupOf('r-1', NOW + 1)).toBeUndefined();
      expect(await fixture.database.backupOf('r-3', 0)).toBeUndefined();
    });

    test('a backup cut off anywhere is neither verified nor listed, even if its size and hash are believed', async () => {
      const backup = await take();
      const whole = await readFile(backup.path);
      const failure = { code: 'BACKUP_NOT_VERIFIED' };
      for (const length of spread(whole.length, cuts).concat(whole.length - 1, whole.length - 2)) {
        await writeFile(backup.path, whole.subarray(0, length));
        expect(await fixture.database.backups(), `cut at ${length}`).toEqual([]);
        for (const depth of ['read', 'full'] as const) {
          await expect(
            fixture.database.verify(await believed(backup), NEVER, depth),
            `cut at ${length}, ${depth}`,
          ).rejects.toMatchObject(failure);
        }
      }
      expect(await fixture.places()).toEqual([]);
    });

    test('a flipped bit anywhere is found by the hash; by restoring, unless the copy is the same all the same', async () => {
      const before = await fixture.content();
      const backup = await take();
      const manifest = await readFile(`${backup.path}.json`).catch(() => undefined);
      const whole = await readFile(backup.path);
      let found = 0;
      for (const [i, at] of spread(whole.length, flips).entries()) {
        const flipped = Buffer.from(whole);
        flipped[at] = (flipped[at] as number) ^ (1 << (i % 7));
        await writeFile(backup.path, flipped);
        if (manifest) await writeFile(`${backup.path}.json`, manifest);
        const failure = { code: 'BACKUP_NOT_VERIFIED' };
        await expect(fixture.database.verify(backup, NEVER), `bit at ${at}`).rejects.toMatchObject(failure);
        const into = fixture.place(`flip_${at}`);
        await expect(fixture.database.restore(backup, into, NEVER)).rejects.toMatchObject({
          code: 'RESTORE_FAILED',
        });
        const trusted = await believed(backup);
        const verdict = await fixture.database.verify(trusted, NEVER).catch((error) => error);
        if (verdict !== undefined) {
          expect(verdict, `bit at ${at}`).toMatchObject(failure);
          found++;
          continue;
        }
        // A comment, the name of an owner, the case of a keyword: where it passes it must be right.
        await fixture.database.restore(trusted, into, NEVER);
        expect(await fixture.content(into), `bit at ${at}: ${around(whole, at)}`).toBe(before);
      }
      expect(found).toBeGreaterThan(flips / 2);
    });

    test('writers go on during the dump, and the dump sees none of it', async () => {
      await fixture.exec('CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)');
      await fixture.exec('INSERT INTO account VALUES (1, 500), (2, 500)');
      await fixture.fill(4000);
      let writes = 0;
      let writing: Promise<void> | undefined;
      let done = false;
      const write = async () => {
        while (!done) {
          await fixture.exec(
            'BEGIN; UPDATE account SET balance = balance - 1 WHERE id = 1; INSERT INTO filler VALUES (1); UPDATE account SET balance = balance + 1 WHERE id = 2; COMMIT',
          );
          writes++;
          await new Promise(setImmediate);
        }
      };
      let during = 0;
      const backup = await take({
        progress() {
          writing ??= write();
          during = writes;
        },
      });
      done = true;
      await writing;
      expect(during).toBeGreaterThan(1);
      await fixture.database.verify(backup, NEVER);
      const into = fixture.place('restored');
      await fixture.database.restore(backup, into, NEVER);
      const rows = backup.rows[fixture.table('filler')] as number;
      // The dump's snapshot is the moment at which it begins, with or without a first write or two.
      expect(rows).toBeGreaterThanOrEqual(4000);
      expect(rows).toBeLessThan(4000 + writes);
      expect(await fixture.number('SELECT count(*) FROM filler', into)).toBe(rows);
      expect(await fixture.number('SELECT sum(balance) FROM account', into)).toBe(1000);
      expect(await fixture.number('SELECT balance FROM account WHERE id = 1', into)).toBe(
        500 - (rows - 4000),
      );
    });

    test('an abort ends the dump, leaves no file, and gives the database free', async () => {
      await fixture.fill(4000);
      const controller = new AbortController();
      const reason = new Error('lease lost');
      await expect(
        take({ signal: controller.signal, progress: () => controller.abort(reason) }),
      ).rejects.toBe(reason);
      expect(await readdir(fixture.backupFolder)).toEqual([]);
      await fixture.exec('INSERT INTO filler VALUES (1)');
    });

    test('restoring refuses a place that is taken', async () => {
      const backup = await take();
      const into = fixture.place('there');
      await fixture.occupy(into);
      const before = await fixture.places();
      await expect(fixture.database.restore(backup, into, NEVER)).rejects.toMatchObject({
        code: 'RESTORE_FAILED',
        detail: expect.stringMatching(/^There is a (file|database) of that name already\.$/),
      });
      expect(await fixture.places()).toEqual(before);
    });
  });
}

/** The backup with the size and hash that its file has now, as if they had been recorded so. */
export async function believed(backup: Backup): Promise<Backup> {
  const file = await readFile(backup.path);
  const now = { bytes: file.length, sha256: createHash('sha256').update(file).digest('hex') };
  const manifest = await readFile(`${backup.path}.json`, 'utf8').catch(() => undefined);
  if (manifest !== undefined)
    await writeFile(`${backup.path}.json`, JSON.stringify({ ...JSON.parse(manifest), ...now }));
  return { ...backup, ...now };
}

function spread(length: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i * (length - 1)) / count));
}

function around(whole: Buffer, at: number): string {
  return whole.subarray(Math.max(0, at - 30), at + 30).toString('latin1');
}
