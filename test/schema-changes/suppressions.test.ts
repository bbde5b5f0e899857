import { expect, test } from 'vitest';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import { stopsOldCode, worstVerdict } from '../../src/schema-changes/verdict.ts';

const BEFORE = 'CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT, total INTEGER);';
const DROP = 'ALTER TABLE orders DROP COLUMN note;';

test('a finding that the file allows with a reason does not stop, and keeps its verdict and the reason', async () => {
  for (const comment of [
    '-- rollback-deploy-auto:allow drop-column nobody reads it since 2.1\n',
    '/* rollback-deploy-auto:allow drop-column nobody reads it since 2.1 */\n',
    '-- rollback-deploy-auto:allow drop-table, drop-column nobody reads it since 2.1\n',
  ]) {
    const { findings } = await judge(comment + DROP);
    expect(findings.map((f) => [f.rule, f.verdict, f.allowed])).toEqual([
      ['drop-column', 'data-destroyed', 'nobody reads it since 2.1'],
    ]);
    expect(findings.filter(stopsOldCode)).toEqual([]);
    expect(worstVerdict(findings)).toBe('safe');
  }
});

test('it is of its own statement and rule only', async () => {
  const { findings } = await judge(
    `-- rollback-deploy-auto:allow drop-column unread\n${DROP}\nALTER TABLE orders DROP COLUMN total;`,
  );
  expect(findings.map((f) => [f.line, f.allowed])).toEqual([
    [2, 'unread'],
    [3, undefined],
  ]);
  expect(worstVerdict(findings)).toBe('data-destroyed');
  const other = await judge(`-- rollback-deploy-auto:allow drop-table unread\n${DROP}`);
  expect(other.findings.filter(stopsOldCode)).toHaveLength(1);
});

test.each([
  ['without a reason', '-- rollback-deploy-auto:allow drop-column', 'says why drop-column is allowed'],
  ['without a rule', '-- rollback-deploy-auto:allow', 'names the rule'],
  ['of no known rule', '-- rollback-deploy-auto:allow drop-colum unread', 'There is no rule drop-colum.'],
  ['of itself', '-- rollback-deploy-auto:allow suppression why not', 'can not be suppressed'],
])('one %s stops, and allows nothing', async (_what, comment, why) => {
  const { findings } = await judge(`${comment}\n${DROP}`);
  expect(findings.filter(stopsOldCode).map((f) => [f.rule, f.verdict])).toEqual([
    ['suppression', 'unknown'],
    ['drop-column', 'data-destroyed'],
  ]);
  expect(findings[0]?.why).toContain(why);
});

function judge(up: string) {
  const file = (version: string, sql: string) => ({
    version,
    name: 'm',
    file: `${version}_m.sql`,
    up: sql,
    down: undefined,
  });
  return judgeSpan({ before: [file('1', BEFORE)], migrations: [file('2', up)] }, 'sqlite');
}
