import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { RULES, type RuleId } from '../../src/schema-changes/rules.ts';
import { type Example, SHOP } from './examples/example.ts';
import { EXAMPLES } from './examples/index.ts';
import { RULE_TEXTS } from './rule-texts.ts';
import type { EngineName } from './servers.ts';

const rules = Object.keys(RULES) as RuleId[];
/** Rules that never say more than that something is safe. */
const HARMLESS: RuleId[] = ['create-table', 'add-column'];
const NAMES: Record<EngineName, string> = {
  postgresql: 'PostgreSQL',
  mysql: 'MySQL, MariaDB',
  sqlite: 'SQLite',
};

// With `npx vitest run test/schema-changes/rule-pages.test.ts -u` the pages are written anew.
test.each(rules)('the page of %s shows the examples that are tried', async (rule) => {
  await expect(page(rule)).toMatchFileSnapshot(`../../docs/rules/${rule}.md`);
});

test('the first page lists the rules', async () => {
  await expect(index()).toMatchFileSnapshot('../../docs/rules/README.md');
});

test('there is a page for each rule, and no other', async () => {
  expect((await readdir('docs/rules')).sort()).toEqual(
    ['README.md', ...rules.map((rule) => `${rule}.md`)].sort(),
  );
});

test.each(rules.filter((rule) => rule !== 'suppression'))('%s is tried in both directions', (rule) => {
  const own = EXAMPLES.filter((example) => example.rule === rule);
  const engines = new Set(own.flatMap((example) => example.engines));
  expect(engines.size).toBeGreaterThan(0);
  for (const engine of engines) {
    const here = own.filter((example) => example.engines.includes(engine));
    const flagged = here.filter(({ finds }) => finds !== 'safe');
    if (!HARMLESS.includes(rule)) expect(flagged.length, `${rule} in ${engine}: flagged`).toBeGreaterThan(0);
    expect(here.length - flagged.length, `${rule} in ${engine}: safe`).toBeGreaterThan(0);
  }
});

function index(): string {
  const rows = rules.map((rule) => {
    const own = EXAMPLES.filter((example) => example.rule === rule);
    const verdicts = [...new Set(own.map(({ finds }) => finds).filter((finds) => finds !== 'safe'))];
    const said =
      verdicts.map((verdict) => verdict.replaceAll('-', ' ')).join(', ') ||
      (own.length > 0 ? 'safe' : 'unknown');
    return `| [${rule}](${rule}.md) | ${RULES[rule]} | ${said} |`;
  });
  return `${INTRODUCTION}\n\n| rule | what | says |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function page(rule: RuleId): string {
  const { about, instead } = RULE_TEXTS[rule];
  const examples = EXAMPLES.filter((example) => example.rule === rule).map(shown);
  const parts = [`# ${rule}`, `${RULES[rule]}.`, about, `**Instead:** ${instead}`, ...examples];
  if (rule === 'suppression') parts.push(SUPPRESSION);
  return `${parts.join('\n\n')}\n`;
}

function shown(example: Example): string {
  const { what, engines, schema, migration, finds, met, handmade } = example;
  const before = schema !== undefined && schema !== SHOP ? schema : undefined;
  const parts = [
    `## ${what[0]?.toUpperCase()}${what.slice(1)}: ${finds.replaceAll('-', ' ')}`,
    engines.map((engine) => NAMES[engine]).join(', '),
  ];
  if (before) parts.push(`Before:\n\n${sql(before)}`);
  if (handmade) parts.push(`There besides, and made by no migration:\n\n${sql(handmade)}`);
  for (const [i, text] of [migration].flat().entries())
    parts.push(`${i === 0 ? 'Migration' : 'Then'}:\n\n${sql(text)}`);
  const meets = [met?.condition, ...(met?.reads ?? []), ...(met?.writes ?? [])].filter(
    (each) => each !== undefined,
  );
  if (meets.length > 0)
    parts.push(`The old code fails, or reads something else, with:\n\n${sql(`${meets.join(';\n')};`)}`);
  return parts.join('\n\n');
}

function sql(text: string): string {
  return `\`\`\`sql\n${text}\n\`\`\``;
}

const INTRODUCTION = `# Rules

What a migration means for the code that was there before it, by its net effect over all files between two versions.
Each page shows examples; a test applies them to a real PostgreSQL, MariaDB and SQLite, runs the old code's statements,
and sees whether they fail as the verdict says.

- **safe**: nothing fails, for statements that name their columns.
- **conditional**: depends on what the code or the data does; \`when\` says on what. It does not stop.
- **unknown**: it can't be told. It stops.
- **writes fail**, **reads fail**: the old code's statements fail, or give something else without an error. They stop.
- **data destroyed**: rows or values that the old code knows are gone. It stops.

PostgreSQL is read by its own parser, and names are found along the search path. Of MySQL and MariaDB a strict SQL mode is
taken for granted, the default since MySQL 5.7 and MariaDB 10.2. Any rule but \`suppression\` can be
[allowed with a reason](suppression.md) in the file.

Taking a migration back is **lossless**, **lossy** where its down destroys what was written since or the migration has
destroyed something, **impossible** where there is no down, it does nothing, or the old code can't run after it, and
**unknown** where it can't be told.`;

const SUPPRESSION = `## Allowed, with a reason

${sql(`-- rollback-deploy-auto:allow drop-column nobody has read it since 2.1
ALTER TABLE orders DROP COLUMN note;`)}

The finding keeps its verdict, carries the reason, and does not stop. Several rules are named with commas between them:
\`rollback-deploy-auto:allow drop-column, update-data REASON\`.`;
