import type { RuleId } from './rules.ts';
import type { Place, SchemaFinding } from './verdict.ts';
import { stopsOldCode } from './verdict.ts';

/** The whole text of a statement that was not read. */
export interface UnreadStatement {
  place: Place;
  text: string;
}

/**
 * What SQL and live schema say together. Nothing gets better than the SQL says by what the live schema does not show: what
 * became of rows is not in it. Only of statements that can't be read it is taken as the evidence that it is: where their
 * text has no word that could change rows, or take a name away, what they did to the schema is what is seen.
 * @param unread Statements behind findings of opaque or unreadable code, as far as there is a text.
 */
export function combine(
  sql: readonly SchemaFinding[],
  live: readonly SchemaFinding[],
  unread: readonly UnreadStatement[],
): SchemaFinding[] {
  const seen = new Set(live.map(key));
  const said = new Set(sql.map(key));
  const alone = live.filter((finding) => finding.verdict !== 'safe' && !said.has(key(finding)));
  return [
    ...sql.map((finding): SchemaFinding => {
      if (finding.rule === 'opaque-code' || finding.rule === 'unreadable') return inTheLight(finding, unread);
      if (seen.has(key(finding))) return { ...finding, catalog: 'agrees' };
      // What only warns the two may say in other words.
      return stopsOldCode(finding) && VISIBLE.has(finding.rule)
        ? { ...finding, catalog: 'differs' }
        : finding;
    }),
    ...alone.map((finding): SchemaFinding => ({ ...finding, catalog: 'alone' })),
  ];
}

/** The same thing is said in the same words; the live schema tells overloaded functions apart. */
function key({ rule, why }: SchemaFinding): string {
  const plain = rule === 'drop-object' || rule === 'change-function' ? why.replace(/\([^)]*\)/, '') : why;
  return `${rule} ${plain}`;
}

/** Rules about what a catalog has, that may stop. */
const VISIBLE: ReadonlySet<RuleId> = new Set<RuleId>([
  ...(['add-required-column', 'change-type', 'change-view', 'drop-column', 'drop-default'] as const),
  ...(['drop-object', 'drop-table', 'drop-unique', 'drop-view', 'generated-column'] as const),
  ...(['remove-enum-value', 'rename-column', 'rename-enum-value', 'rename-table', 'set-not-null'] as const),
]);

/** Words of statements that may change rows, or after which a name means another thing. */
const BEYOND_SCHEMA =
  /\b(?:update|delete|truncate|merge|insert|replace|copy|load|call|perform|using|drop|rename|change|modify|prepare|pragma|attach)\b/i;
/** A function that is called, and may do anything. */
const CALLS =
  /(?::=|\b(?:select|if|elsif|while|when|return|then|and|or))\s*(?:not\s+)?(?!(?:exists|select|to_reg\w+|format|quote_\w+|coalesce)\b)[\w.]+\s*\(/i;

function inTheLight(finding: SchemaFinding, unread: readonly UnreadStatement[]): SchemaFinding {
  if (finding.verdict !== 'unknown') return finding;
  const text = unread.find(({ place }) => place.file === finding.file && place.line === finding.line)?.text;
  // A placeholder stands for anything.
  const open = text === undefined || text.includes('${');
  if (open || BEYOND_SCHEMA.test(text) || CALLS.test(text) || hasUnknownText(text)) {
    const why = `${finding.why} What it did to the schema is compared in the live one; what it did to rows is not known.`;
    return { ...finding, why };
  }
  return {
    ...finding,
    verdict: 'conditional',
    catalog: 'agrees',
    why: `${finding.why} What it did to the schema is compared in the live one, and no word in it changes rows.`,
    when: 'where it does more than its text says',
  };
}

/** Whether it runs a text that is put together while it runs. */
function hasUnknownText(text: string): boolean {
  return [...text.matchAll(/\bexecute\s+(?:immediate\s+)?([\s\S]*?)(?:;|$)/gi)].some(
    ([, run = '']) => !/^(?:'(?:[^']|'')*'|format\s*\(\s*'(?:[^'%]|''|%[IL])*'[^|]*\))\s*$/i.test(run.trim()),
  );
}
