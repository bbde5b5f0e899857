import { expect, test } from 'vitest';
import { judgeReversal } from '../../src/schema-changes/judge-reversal.ts';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';

const BEFORE = `
-- a comment; with a semicolon
CREATE TABLE "Order" (id serial PRIMARY KEY, "userId" int, note text);
CREATE SCHEMA app;
SET search_path = app, public;
CREATE TABLE accounts (id int PRIMARY KEY, name text DEFAULT 'é;');
`;

test('names are folded as PostgreSQL folds them, and quoted ones are kept', async () => {
  expect(await told('ALTER TABLE "Order" DROP COLUMN "userId"')).toEqual([['drop-column', 'data-destroyed']]);
  // There is no such table: order is another one, which no migration makes.
  const { findings } = await judge('ALTER TABLE public.ORDER_ITEMS DROP COLUMN X');
  expect(findings[0]?.why).toContain('order_items.x');
  expect(await told('ALTER TABLE public."Order" DROP COLUMN NOTE')).toEqual([
    ['drop-column', 'data-destroyed'],
  ]);
});

test('names without a schema are looked for along the search path', async () => {
  const gone = [['drop-table', 'data-destroyed']];
  expect(await told('DROP TABLE app.accounts')).toEqual(gone);
  expect(await told('SET search_path TO app; DROP TABLE accounts')).toEqual(gone);
  expect(await told("SELECT set_config('search_path', 'app', false); DROP TABLE accounts")).toEqual(gone);
  expect(await told('SET search_path TO app, public; CREATE TABLE x (id int); DROP TABLE app.x')).toEqual([]);
  expect(await told('SET search_path TO app; SET search_path TO DEFAULT; DROP TABLE "Order"')).toEqual(gone);
});

test('lines are those of the statement, also behind texts that are not ASCII', async () => {
  const { findings } = await judge('SELECT \'é\';\n\n-- ü; ö\n/* a\nb */ DROP TABLE\n"Order";\n\n');
  expect(findings.map(({ line, statement }) => [line, statement])).toEqual([[5, 'DROP TABLE "Order"']]);
});

test('nothing at all is no error', async () => {
  for (const sql of ['', '  \n', '-- nothing', ';;', '/* */;\n']) expect(await told(sql), sql).toEqual([]);
});

test('one statement that can’t be parsed leaves the others read', async () => {
  const { findings } = await judge(
    'DROP TABLE "Order";\nFROBNICATE x;\nCREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $b$ BEGIN; RETURN 1; END $b$;\nDROP TABLE app.accounts;',
  );
  expect(findings.map(({ rule, verdict, line }) => [rule, verdict, line])).toEqual([
    ['drop-table', 'data-destroyed', 1],
    ['unreadable', 'unknown', 2],
    ['drop-table', 'data-destroyed', 4],
  ]);
});

test('what only psql reads is passed over', async () => {
  const dump =
    '\\connect shop\nCOPY "Order" (id, note) FROM stdin;\n1\tit\'s; here\n\\.\n\nDROP TABLE "Order";\n';
  const { findings } = await judge(dump);
  expect(findings.map(({ rule, line }) => [rule, line])).toEqual([['drop-table', 6]]);
});

test.each([
  ['ROLLBACK', 'unreadable'],
  ['ALTER SYSTEM SET fsync = off', 'unreadable'],
  ['DROP DATABASE shop', 'unreadable'],
  ['CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()', 'unreadable'],
  ['DROP EXTENSION citext CASCADE', 'unreadable'],
  ["DO $$ BEGIN EXECUTE 'x'; END $$", 'opaque-code'],
  ['CALL migrate()', 'opaque-code'],
  ['SELECT rename_everything()', 'opaque-code'],
  ['WITH x AS (SELECT mine.f()) SELECT * FROM x', 'opaque-code'],
])('%s is unknown', async (sql, rule) => {
  expect(await told(sql)).toEqual([[rule, 'unknown']]);
});

test.each([
  ['WITH gone AS (DELETE FROM "Order" RETURNING *) SELECT count(*) FROM gone', 'delete-data'],
  ['WITH x AS (SELECT 1) UPDATE "Order" SET note = 1', 'update-data'],
  ['MERGE INTO "Order" o USING app.accounts a ON o.id = a.id WHEN MATCHED THEN DELETE', 'delete-data'],
  ['TRUNCATE app.accounts, "Order"', 'delete-data'],
  ['ALTER TABLE "Order" ALTER note TYPE text USING lower(note)', 'update-data'],
])('rows changed: %s', async (sql, rule) => {
  expect(new Set((await told(sql)).map(([found]) => found))).toEqual(new Set([rule]));
});

test('a column of a type that no migration made has an unknown change of it', async () => {
  expect(await told('ALTER TABLE legacy ALTER c TYPE bigint')).toEqual([['change-type', 'unknown']]);
  expect(await told('ALTER TABLE legacy ALTER c SET NOT NULL')).toEqual([['set-not-null', 'writes-fail']]);
  expect(await told('ALTER TABLE legacy ALTER c DROP DEFAULT')).toEqual([['drop-default', 'writes-fail']]);
  expect(await told('ALTER TABLE legacy ALTER c DROP NOT NULL')).toEqual([['drop-not-null', 'conditional']]);
});

test.each([
  ['ALTER TABLE "Order" ADD x int', 'ALTER TABLE "Order" DROP x', 'lossy'],
  ['CREATE INDEX i ON "Order" (note)', 'DROP INDEX i', 'lossless'],
  ['ALTER TABLE "Order" RENAME note TO remark', 'ALTER TABLE "Order" RENAME remark TO note', 'lossless'],
  ['ALTER TABLE "Order" DROP note', 'ALTER TABLE "Order" ADD note text', 'lossy'],
  ['ALTER TABLE "Order" DROP note', 'SELECT 1', 'impossible'],
  ['ALTER TABLE "Order" DROP note', undefined, 'impossible'],
  ['ALTER TABLE "Order" DROP note', '-- nothing to do', 'impossible'],
  ['ALTER TABLE "Order" RENAME note TO a', 'ALTER TABLE "Order" RENAME a TO b', 'impossible'],
  ['ALTER TABLE "Order" DROP note', 'DO $$ BEGIN END $$', 'unknown'],
  ['ALTER TABLE "Order" ALTER note SET NOT NULL', 'ALTER TABLE "Order" ALTER note DROP NOT NULL', 'lossless'],
])('%s, taken back by %s, is %s', async (up, down, verdict) => {
  const { verdicts } = await judgeReversal([{ ...file('2', up), down }], 'postgresql', [file('1', BEFORE)]);
  expect(verdicts).toEqual([verdict]);
});

async function told(sql: string) {
  const { findings } = await judge(sql);
  return findings.filter(({ verdict }) => verdict !== 'safe').map(({ rule, verdict }) => [rule, verdict]);
}

function judge(sql: string) {
  return judgeSpan({ before: [file('1', BEFORE)], migrations: [file('2', sql)] }, 'postgresql');
}

function file(version: string, up: string) {
  return { version, name: 'm', file: `${version}_m.sql`, up, down: undefined };
}
