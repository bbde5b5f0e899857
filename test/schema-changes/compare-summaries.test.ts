import { expect, test } from 'vitest';
import { driftOf, isLacking, type SchemaDifference } from '../../src/schema-changes/compare-summaries.ts';
import { describeDifferences } from '../../src/schema-changes/describe-differences.ts';
import { liveCatalog } from '../../src/schema-changes/live-catalog.ts';
import { summaryOf } from '../../src/schema-changes/schema-summary.ts';

const definition = (kind: string, name: string, sql: string) => ({ kind, name, sql });
const schema = async (...definitions: ReturnType<typeof definition>[]) =>
  summaryOf(await liveCatalog('postgresql', definitions));

test('what the old code would miss is told apart from what is only different, by what it is', async () => {
  const target = await schema(
    // Names that read like a sentence about something else.
    definition('table', 'a', 'CREATE TABLE a (id int NOT NULL, "b: missing" int NOT NULL, c int, d int)'),
    definition('table', 't', 'CREATE TABLE t (id int)'),
    definition('view', 'v', 'CREATE VIEW v AS SELECT id FROM a'),
    definition('type', 'mood', "CREATE TYPE mood AS ENUM ('x')"),
    definition('domain', 'short', 'CREATE DOMAIN short AS text'),
    definition('policy', 'p: missing on a', 'CREATE POLICY p ON a'),
  );
  const live = await schema(
    definition('table', 'a', 'CREATE TABLE a (id int NOT NULL, "b: missing" int, d int NOT NULL, e int)'),
    definition('table', 'audit log', 'CREATE TABLE "audit log" (id int)'),
  );
  const differences = driftOf(target, live);
  expect(describeDifferences(differences.filter(isLacking))).toEqual([
    'column a.c: missing',
    'column a.d: must not be NULL, in the target it may',
    'table t: missing',
    'type mood: missing',
    'view v: missing',
  ]);
  expect(describeDifferences(differences.filter((one) => !isLacking(one)))).toEqual([
    'column a.b: missing: may be NULL, in the target not',
    'column a.e: not in the target',
    'domain short: missing',
    'policy p: missing on a: missing',
  ]);
});

test('a column whose name ends in a sentence is not lacking for it', () => {
  const only: SchemaDifference = { kind: 'another-default', column: 'a.b: missing' };
  expect(isLacking(only)).toBe(false);
});
