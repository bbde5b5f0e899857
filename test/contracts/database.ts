import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backup, Database } from '../../src/adapters/database/database.ts';

/** A live database with rows in it, and the adapter that is tested on it, configured to keep two backups. */
export interface DatabaseFixture {
  database: Database;
  backupFolder: string;
  /** A folder for what a test restores. */
  scratch: string;
  /** Runs SQL on the live database, on a connection of its own. */
  exec(sql: string): void;
  /** All definitions and values, storage classes included, read by other means than the adapter's. */
  content(restored?: string): string;
  /** First column of the first row, of the live database or of a restored one. */
  value(sql: string, restored?: string): unknown;
  /** Deletes the live database. */
  destroy(): Promise<void>;
  end(): Promise<void>;
}

const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);
const NEVER = new AbortController().signal;

/** What every `Database` must do. `create` makes a database with tables, odd values and odd names. */
export function databaseContract(kind: string, create: () => Promise<DatabaseFixture>): void {
  describe(`database contract: ${kind}`, () => {
    let fixture: DatabaseFixture;
    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(() => fixture.end());

    const take = (overrides: Partial<Parameters<Database['backUp']>[0]> = {}) =>
      fixture.database.backUp({ nowMs: NOW, signal: NEVER, progress() {}, ...overrides });

    test('dump, destroy, restore: everything is there again', async () => {
      const before = fixture.content();
      const backup = await take();
      await fixture.database.verify(backup, NEVER);
      await fixture.destroy();
      const into = join(fixture.scratch, 'restored.db');
      await fixture.database.restore(backup, into, NEVER);
      expect(await readdir(fixture.scratch)).toEqual(['restored.db']);
      expect(fixture.content(into)).toBe(before);
    });

    test('the backup is named by time, is its owner’s alone, and leaves nothing else behind', async () => {
      const backup = await take();
      const file = await readFile(backup.path);
      expect(backup.name).toBe('backup-20260315-103200.sql');
      expect((await stat(backup.path)).mode & 0o777).toBe(0o600);
      expect(backup.bytes).toBe(file.length);
      expect(backup.sha256).toBe(createHash('sha256').update(file).digest('hex'));
      await fixture.database.verify(backup, NEVER);
      expect(await readdir(fixture.backupFolder)).toEqual([backup.name]);
    });

    test('backups of the same second keep apart; the newest come first, and the oldest are deleted', async () => {
      const names = [];
      for (const nowMs of [NOW, NOW, NOW, NOW + 1000]) names.push((await take({ nowMs })).name);
      const newestFirst = [...names].reverse();
      expect(new Set(names).size).toBe(4);
      expect((await fixture.database.backups()).map((b) => b.name)).toEqual(newestFirst);
      expect(await fixture.database.prune()).toEqual(newestFirst.slice(2));
      expect((await fixture.database.backups()).map((b) => b.name)).toEqual(newestFirst.slice(0, 2));
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
      const lengths = spread(whole.length, 60).concat(whole.length - 1, whole.length - 2);
      for (const length of lengths) {
        await writeFile(backup.path, whole.subarray(0, length));
        await expect(
          fixture.database.verify(await believed(backup), NEVER),
          `cut at ${length}`,
        ).rejects.toMatchObject({
          code: 'BACKUP_NOT_VERIFIED',
        });
        expect(await fixture.database.backups(), `cut at ${length}`).toEqual([]);
      }
    });

    test('a flipped bit anywhere outside comments is found by restoring, and anywhere at all by the hash', async () => {
      const backup = await take();
      const whole = await readFile(backup.path);
      let found = 0;
      for (const [i, at] of spread(whole.length, 80).entries()) {
        const flipped = Buffer.from(whole);
        flipped[at] = (flipped[at] as number) ^ (1 << (i % 7));
        await writeFile(backup.path, flipped);
        const failure = { code: 'BACKUP_NOT_VERIFIED' };
        await expect(fixture.database.verify(backup, NEVER), `bit at ${at}`).rejects.toMatchObject(failure);
        const into = join(fixture.scratch, `flip-${at}.db`);
        await expect(fixture.database.restore(backup, into, NEVER)).rejects.toMatchObject({
          code: 'RESTORE_FAILED',
        });
        const verdict = await fixture.database.verify(await believed(backup), NEVER).catch((error) => error);
        if (verdict !== undefined) {
          expect(verdict, `bit at ${at}`).toMatchObject(failure);
          found++;
        } else expect(harmless(whole, at, i % 7), `bit at ${at}: ${around(whole, at)}`).toBe(true);
      }
      expect(found).toBeGreaterThan(40);
    });

    test('writers go on during the dump, and the dump sees none of it', async () => {
      fixture.exec('CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)');
      fixture.exec('INSERT INTO account VALUES (1, 500), (2, 500)');
      fixture.exec('CREATE TABLE filler (x TEXT)');
      fixture.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO filler SELECT printf('%0200d', i) FROM n`,
      );
      let writes = 0;
      let writing = true;
      const write = () => {
        if (!writing) return;
        fixture.exec(
          'BEGIN; UPDATE account SET balance = balance - 1 WHERE id = 1; INSERT INTO filler VALUES (1); UPDATE account SET balance = balance + 1 WHERE id = 2; COMMIT',
        );
        writes++;
        setImmediate(write);
      };
      let during = 0;
      const backup = await take({
        progress() {
          if (during === 0 && writing) write();
          during = writes;
        },
      });
      writing = false;
      expect(during).toBeGreaterThan(1);
      await fixture.database.verify(backup, NEVER);
      const into = join(fixture.scratch, 'restored.db');
      await fixture.database.restore(backup, into, NEVER);
      expect(backup.rows.filler).toBe(4000);
      expect(fixture.value('SELECT count(*) FROM filler', into)).toBe(4000);
      expect(fixture.value('SELECT sum(balance) FROM account', into)).toBe(1000);
      expect(fixture.value('SELECT balance FROM account WHERE id = 1', into)).toBe(500);
    });

    test('an abort ends the dump, leaves no file, and gives the database free', async () => {
      fixture.exec('CREATE TABLE filler (x TEXT)');
      fixture.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO filler SELECT printf('%0200d', i) FROM n`,
      );
      const controller = new AbortController();
      const reason = new Error('lease lost');
      await expect(
        take({ signal: controller.signal, progress: () => controller.abort(reason) }),
      ).rejects.toBe(reason);
      expect(await readdir(fixture.backupFolder)).toEqual([]);
      fixture.exec('INSERT INTO filler VALUES (1)');
    });

    test('restoring refuses a file that is there, and clears away the leftovers of one that was', async () => {
      const backup = await take();
      const into = join(fixture.scratch, 'there.db');
      await writeFile(into, 'precious');
      await expect(fixture.database.restore(backup, into, NEVER)).rejects.toMatchObject({
        code: 'RESTORE_FAILED',
        detail: 'There is a file of that name already.',
      });
      expect(await readFile(into, 'utf8')).toBe('precious');
      const other = join(fixture.scratch, 'gone.db');
      for (const suffix of ['-wal', '-shm', '-journal']) await writeFile(`${other}${suffix}`, 'stale');
      await fixture.database.restore(backup, other, NEVER);
      expect(fixture.content(other)).toBe(fixture.content());
    });
  });
}

/** The backup with the size and hash that its file has now, as if they had been recorded so. */
async function believed(backup: Backup): Promise<Backup> {
  const file = await readFile(backup.path);
  return { ...backup, bytes: file.length, sha256: createHash('sha256').update(file).digest('hex') };
}

function spread(length: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i * (length - 1)) / count));
}

/** A change that can't alter what is restored: in a comment or a setting, or of the case of a keyword or a hex digit. */
function harmless(whole: Buffer, at: number, bit: number): boolean {
  const line = whole.subarray(whole.lastIndexOf('\n', at - 1) + 1, at + 8).toString('latin1');
  return /^-- |^PRAGMA/.test(line) || (bit === 5 && /[a-z]/i.test(String.fromCharCode(whole[at] as number)));
}

function around(whole: Buffer, at: number): string {
  return whole.subarray(Math.max(0, at - 30), at + 30).toString('latin1');
}
