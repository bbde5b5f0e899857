import { describe, expect, test } from 'vitest';
import { downSteps, online } from '../../src/adapters/database/mysql/down-steps.ts';
import type { Migration } from '../../src/model/release.ts';
import { judgeDowns } from '../../src/schema-changes/judge-downs.ts';
import { effectOf } from '../../src/schema-changes/mysql/commits.ts';

describe('how a statement of MySQL takes effect', () => {
  test.each([
    ['rows', "UPDATE t SET a = '@x; SELECT'"],
    ['rows', 'INSERT INTO t SELECT * FROM u'],
    ['rows', 'SELECT 1'],
    ['rows', 'DELETE t FROM t JOIN u ON u.id = t.id'],
    ['rows', 'UPDATE t SET a = @@server_id'],
    ['schema', 'ALTER TABLE t ADD COLUMN a int'],
    ['schema', 'ALTER TABLE t DROP PARTITION p0'],
    ['schema', 'ALTER ONLINE TABLE t ADD COLUMN a int'],
    ['schema', 'CREATE UNIQUE INDEX i ON t (a)'],
    ['schema', 'CREATE TABLE t (id int) PARTITION BY RANGE (id) (PARTITION p VALUES LESS THAN (10))'],
    ['schema', 'CREATE TABLE `select` (id int)'],
    ['schema', 'CREATE OR REPLACE ALGORITHM = MERGE DEFINER = a@b SQL SECURITY INVOKER VIEW v AS SELECT 1'],
    ['schema', 'CREATE DEFINER=`a`@`b` TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1'],
    ['schema', '/* why */ RENAME TABLE a TO b'],
    ['schema', 'DROP VIEW IF EXISTS v'],
    ['session', 'SET FOREIGN_KEY_CHECKS = 0'],
    ['session', 'SET NAMES utf8mb4'],
    ['session', 'SET @@session.sql_mode = ANSI'],
    ['untold', 'SET @old = @@sql_mode'],
    ['untold', 'UPDATE t SET a = @x'],
    ['untold', 'SELECT id INTO @x FROM t'],
    ['untold', 'SET autocommit = 0'],
    ['untold', 'SET SESSION TRANSACTION READ ONLY'],
    ['untold', 'SET STATEMENT max_statement_time = 1 FOR DELETE FROM t'],
    ['untold', 'TRUNCATE TABLE t'],
    ['untold', 'CALL p()'],
    ['untold', "PREPARE s FROM 'DROP TABLE t'"],
    ['untold', 'CREATE TABLE t AS SELECT * FROM u'],
    ['untold', 'CREATE OR REPLACE TABLE t (id int)'],
    ['untold', 'CREATE TEMPORARY TABLE t (id int)'],
    ['untold', 'ALTER TABLE t TRUNCATE PARTITION p0'],
    ['untold', 'ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE u'],
    ['untold', 'CREATE DEFINER = a@b EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t'],
    ['untold', 'OPTIMIZE TABLE t'],
    ['untold', 'GRANT SELECT ON t TO u'],
    ['untold', 'LOCK TABLES t WRITE'],
  ])('%s: %s', (kind, text) => {
    expect(effectOf(text)).toMatchObject({ kind });
  });

  test('settings belong to the statement after them', () => {
    expect(
      downSteps(['SET NAMES utf8', 'SET sql_mode = ANSI', 'DELETE FROM t', 'DROP TABLE t', 'SET x = 1']),
    ).toEqual([
      { text: 'DELETE FROM t', kind: 'rows', settings: ['SET NAMES utf8', 'SET sql_mode = ANSI'] },
      { text: 'DROP TABLE t', kind: 'schema', settings: [] },
    ]);
    expect(() => downSteps(['TRUNCATE t'])).toThrow('nobody could tell');
  });

  test('where the server can be told not to keep writers waiting', () => {
    expect(online('ALTER TABLE t ADD a int -- why')).toBe('ALTER TABLE t ADD a int -- why\n, LOCK = NONE');
    expect(online('DROP INDEX i ON t')).toBe('DROP INDEX i ON t\nLOCK = NONE');
    expect(online('ALTER TABLE t ADD a int, ALGORITHM=COPY')).toBeUndefined();
    expect(online('DROP TABLE t')).toBeUndefined();
  });
});

describe('what the current release meets between two statements of a down', () => {
  const migration = (version: string, up: string, down: string): Migration => ({
    version,
    name: version,
    file: `${version}.sql`,
    up,
    down,
  });
  const span = {
    before: [migration('1', 'CREATE TABLE t (id int PRIMARY KEY, a int)', 'DROP TABLE t')],
    migrations: [
      migration(
        '2',
        'CREATE INDEX i ON t (a)',
        'CREATE TABLE u (id int PRIMARY KEY, a int); INSERT INTO u SELECT id, a FROM t; DROP TABLE t; ALTER TABLE u RENAME TO t',
      ),
    ],
  };

  test('counts where each commits by itself, and not where all are one transaction', async () => {
    const found = (await judgeDowns(span, 'mysql')).misfits;
    expect(found).toMatchObject([{ rule: 'rename-table', statement: 'DROP TABLE t', verdict: 'reads-fail' }]);
    expect((await judgeDowns(span, 'postgresql')).misfits).toEqual([]);
  });
});
