import { expect, test } from 'vitest';
import { judgeReversal } from '../../src/schema-changes/judge-reversal.ts';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import { splitMysql } from '../../src/schema-changes/mysql/split.ts';

const BEFORE = `
CREATE TABLE \`orders\` (
  id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  \`Email\` varchar(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s' COMMENT 'a, b; (c)',
  total decimal(10,2) unsigned zerofill DEFAULT NULL,
  state ENUM('new','paid, late') NOT NULL DEFAULT 'new',
  made timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  flag bool DEFAULT true,
  parent bigint unsigned,
  PRIMARY KEY (id),
  UNIQUE KEY u (\`Email\`(10), state),
  KEY k (total),
  FULLTEXT KEY f (\`Email\`),
  CONSTRAINT fk FOREIGN KEY (parent) REFERENCES orders (id) ON DELETE CASCADE
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COMMENT='x';
CREATE TABLE tags (id serial, name varchar(20) UNIQUE, PRIMARY KEY (id)) PARTITION BY HASH (id) PARTITIONS 4;
`;

test('statements end at their delimiter, and nowhere else', () => {
  const script = [
    'SELECT \'a;b\', "c\\";d", `e;f`; -- x;',
    '# y;',
    '/* z; */ SELECT 2;',
    '/*!40101 SET NAMES utf8 */;',
    'CREATE TRIGGER t BEFORE INSERT ON o FOR EACH ROW BEGIN IF NEW.a > 1 THEN SET NEW.a = CASE WHEN 1 THEN 2 END; END IF; END;',
    'DELIMITER $$',
    'CREATE PROCEDURE p() BEGIN SELECT 1; END$$',
    'DELIMITER ;',
    'SELECT 3',
  ].join('\n');
  expect(splitMysql(script).map(({ text, line }) => [line, text.slice(0, 23)])).toEqual([
    [1, `SELECT 'a;b', "c\\";d", `],
    [3, 'SELECT 2'],
    [4, 'SET NAMES utf8'],
    [5, 'CREATE TRIGGER t BEFORE'],
    [7, 'CREATE PROCEDURE p() BE'],
    [9, 'SELECT 3'],
  ]);
});

test.each([
  ['ALTER TABLE orders ADD COLUMN a int, ADD b int NOT NULL DEFAULT 1 AFTER id, ADD INDEX (a)', []],
  ['ALTER TABLE orders ADD (a int, b int NOT NULL)', [['add-required-column', 'writes-fail']]],
  ['ALTER TABLE orders ADD COLUMN IF NOT EXISTS a int FIRST', []],
  ['ALTER TABLE orders ADD a varchar(36) NOT NULL DEFAULT (uuid())', []],
  ['ALTER TABLE orders ADD a bigint NOT NULL AUTO_INCREMENT UNIQUE', []],
  ['ALTER TABLE `orders` -- why; not\n DROP COLUMN /* this */ `flag`', [['drop-column', 'data-destroyed']]],
  ['ALTER TABLE ORDERS DROP COLUMN IF EXISTS email', [['drop-column', 'data-destroyed']]],
  ['ALTER TABLE orders DROP nowhere', [['drop-column', 'data-destroyed']]],
  ['ALTER TABLE orders DROP COLUMN IF EXISTS nowhere', []],
  ['RENAME TABLE orders TO o2, tags TO orders, o2 TO tags', [['name-reused', 'reads-fail']]],
  ['RENAME TABLE orders TO o2; RENAME TABLE o2 TO orders', []],
  ['ALTER TABLE orders DROP KEY u', [['drop-unique', 'writes-fail']]],
  ['DROP INDEX name ON tags', [['drop-unique', 'writes-fail']]],
  ['ALTER TABLE orders DROP INDEX k, DROP KEY f', []],
  ['ALTER TABLE orders RENAME INDEX u TO u2, DROP INDEX u2, ADD UNIQUE KEY (email(10), state)', []],
  ['ALTER TABLE orders DROP FOREIGN KEY fk', [['drop-constraint', 'conditional']]],
  ['ALTER TABLE orders DROP FOREIGN KEY elsewhere', [['unreadable', 'unknown']]],
  ['ALTER TABLE orders MODIFY total decimal(12,2) unsigned', []],
  ['ALTER TABLE orders MODIFY total decimal(10,2)', []],
  ['ALTER TABLE orders MODIFY id bigint NOT NULL AUTO_INCREMENT', [['change-type', 'writes-fail']]],
  ['ALTER TABLE orders MODIFY id bigint unsigned NOT NULL AUTO_INCREMENT COMMENT "x" FIRST', []],
  ['ALTER TABLE orders CHANGE flag flag tinyint(1) DEFAULT 1', [['change-default', 'conditional']]],
  ["ALTER TABLE orders CHANGE `email` `Email` varchar(50) COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s'", []],
  ['ALTER TABLE orders ENGINE=InnoDB, COMMENT = "a, b", ALGORITHM=INPLACE, LOCK=NONE', []],
  ['ALTER TABLE orders EXCHANGE PARTITION p WITH TABLE t', [['unreadable', 'unknown']]],
  ['ALTER TABLE tags DROP PARTITION p0', [['delete-data', 'data-destroyed']]],
  ['UPDATE orders o JOIN tags t ON o.id = t.id SET o.total = 1', [['update-data', 'data-destroyed']]],
  ['DELETE t FROM orders o JOIN tags t ON o.id = t.id', [['delete-data', 'data-destroyed']]],
  ['CREATE TABLE new (id int); DELETE n FROM new n JOIN tags t ON n.id = t.id', []],
  ['CREATE TABLE like_it LIKE orders; INSERT INTO like_it SELECT * FROM orders', []],
  ['CREATE TABLE copy AS SELECT id, name FROM tags', []],
  ['CREATE OR REPLACE TABLE tags (id int)', [['name-reused', 'data-destroyed']]],
  ['CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1 AS a', []],
  ['CALL rebuild()', [['opaque-code', 'unknown']]],
  ['USE other', [['unreadable', 'unknown']]],
  ['DROP DATABASE shop', [['unreadable', 'unknown']]],
  ['ROLLBACK', [['unreadable', 'unknown']]],
  ['ALTER TABLE legacy MODIFY c int', [['change-type', 'unknown']]],
  ['SET FOREIGN_KEY_CHECKS=0; LOCK TABLES orders WRITE; UNLOCK TABLES; GRANT SELECT ON a.* TO b', []],
])('%s', async (sql, expected) => {
  const { findings } = await judge(sql);
  const told = findings.filter(({ verdict }) => verdict !== 'safe');
  expect(
    [...new Set(told.map(({ rule, verdict }) => `${rule} ${verdict}`))],
    told.map(({ why }) => why).join('\n'),
  ).toEqual(expected.map((pair) => pair.join(' ')));
});

test.each([
  ['ALTER TABLE tags ADD x int', 'ALTER TABLE tags DROP x', 'lossy'],
  ['ALTER TABLE tags ADD INDEX i (name)', 'ALTER TABLE tags DROP INDEX i', 'lossless'],
  ['ALTER TABLE tags DROP COLUMN name', '', 'impossible'],
  ['ALTER TABLE tags MODIFY name varchar(30)', 'ALTER TABLE tags MODIFY name varchar(20)', 'lossless'],
  ['ALTER TABLE tags ADD x int', 'CALL undo()', 'unknown'],
])('%s, taken back by %s, is %s', async (up, down, verdict) => {
  const { verdicts } = await judgeReversal([{ ...file('2', up), down }], 'mysql', [file('1', BEFORE)]);
  expect(verdicts).toEqual([verdict]);
});

function judge(sql: string) {
  return judgeSpan({ before: [file('1', BEFORE)], migrations: [file('2', sql)] }, 'mysql');
}

function file(version: string, up: string) {
  return { version, name: 'm', file: `${version}_m.sql`, up, down: undefined };
}
