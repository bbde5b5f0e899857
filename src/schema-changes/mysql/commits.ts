import { withoutComments } from './split.ts';

/**
 * How a statement takes effect, each commits by itself: `rows` can be in a transaction with others; `schema` commits by
 * itself, and its effect is seen in the schema; `session` is a setting that ends with the session. `untold`: after a crash
 * nobody could tell whether it took effect; a full sentence says why.
 */
export type Effect = { kind: 'rows' | 'schema' | 'session' } | { kind: 'untold'; why: string };

const start = (pattern: string) => new RegExp(`^(?:${pattern})`, 'i');

const UNTOLD: [RegExp, string][] = [
  [start('truncate\\b'), 'Write DELETE FROM instead, which can be in a transaction.'],
  [start('call\\b'), 'What a procedure commits on its way is not known.'],
  [start('(?:prepare|execute|begin\\s+not\\s+atomic)\\b'), 'Its statements are not known before they run.'],
  [
    start('create\\s+(?:or\\s+replace\\s+)?(?:temporary\\s+)?table\\b[\\s\\S]*\\bselect\\b'),
    'Whether the rows came along is not seen in the schema. Create the table, then INSERT INTO it.',
  ],
  [start('create\\s+or\\s+replace\\s+(?:table|sequence)\\b'), 'It drops and creates in two steps.'],
  [start('(?:create|drop)\\s+temporary\\b'), 'A temporary table ends with the session.'],
  [
    start('alter\\s+[\\s\\S]*\\b(?:truncate|exchange|import|discard)\\s+(?:partition|tablespace)'),
    'Rows go with it, which is not seen in the schema.',
  ],
  [
    start('set\\b[\\s\\S]*(?:\\(|\\bselect\\b|\\bautocommit\\b|\\bcompletion_type\\b|\\btransaction\\b)'),
    'It reads rows, or changes what a transaction is.',
  ],
  [start('set\\s+statement\\b'), 'It is two statements in one.'],
  [
    start('(?:set|select|insert|replace|update|delete|with|values|\\()[\\s\\S]*(?<!@)@(?!@)[\\w`]'),
    'What a variable of the session holds is gone with the session.',
  ],
];

const QUOTED = /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`/g;
const EVENT = start('(?:create|alter|drop)\\s+(?:or\\s+replace\\s+)?(?:definer\\s*=\\s*\\S+\\s+)?event\\b');
const ROWS = start('(?:insert|replace|update|delete|with|select|values|\\()');
const SCHEMA = start(
  '(?:alter|create|drop|rename)\\s+(?:or\\s+replace\\s+)?(?:online\\s+|offline\\s+|ignore\\s+|unique\\s+|fulltext\\s+|spatial\\s+|aggregate\\s+)*(?:(?:algorithm|definer|sql\\s+security)\\b[\\s\\S]*?\\b)?(?:tables?|view|index|trigger|function|procedure|sequence)\\b',
);

/** Pure. */
export function effectOf(text: string): Effect {
  const bare = withoutComments(text)
    .trim()
    .replace(QUOTED, (token) => (token.startsWith('`') ? '`x`' : "''"));
  const found = UNTOLD.find(([pattern]) => pattern.test(bare));
  if (found) return { kind: 'untold', why: found[1] };
  if (EVENT.test(bare)) return { kind: 'untold', why: 'An event of the copy would run.' };
  if (ROWS.test(bare)) return { kind: 'rows' };
  if (SCHEMA.test(bare)) return { kind: 'schema' };
  if (/^set\b/i.test(bare)) return { kind: 'session' };
  return { kind: 'untold', why: 'What it does is seen neither in the schema nor in a transaction.' };
}

/** Whether it may do nothing, as it says itself, so that nothing tells whether it ran, and it does not matter. */
export function mayDoNothing(text: string): boolean {
  return /^(?:create|drop)\b[\s\S]*?\bif\s+(?:not\s+)?exists\b/i.test(withoutComments(text).trim());
}
