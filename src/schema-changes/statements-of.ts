import type { DatabaseFacts } from '../model/facts.ts';
import { engineOf } from './engines.ts';

const BEGIN = /^(?:BEGIN|START\s+TRANSACTION)\b/i;
const END = /^(?:COMMIT|END)(?:\s+(?:TRANSACTION|WORK))?\s*$/i;
const CONTROLS =
  /^(?:BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION)\b/i;
/** Statements that their engine refuses in a transaction. */
const OUTSIDE =
  /^(?:VACUUM|REINDEX\b.*\bCONCURRENTLY|(?:CREATE|DROP)\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY|ALTER\s+SYSTEM|ATTACH|DETACH|(?:CREATE|DROP)\s+DATABASE)\b/is;

/**
 * A script to be run in somebody else's transaction: without a BEGIN and COMMIT around all of it. `controls`: it has
 * statements that would end that transaction, or that can't be in one.
 */
export async function statementsOf(
  sql: string,
  name: DatabaseFacts['engine'],
): Promise<{ sql: string; controls: boolean }> {
  const texts = (await engineOf(name)).read(sql).map(({ text }) => text.trim());
  const whole = BEGIN.test(texts[0] ?? '') && END.test(texts.at(-1) ?? '');
  const inner = whole ? texts.slice(1, -1) : texts;
  return {
    // A comment at the end of a statement must not take its semicolon.
    sql: inner.map((text) => `${text}\n;`).join('\n'),
    controls: inner.some((text) => CONTROLS.test(text) || OUTSIDE.test(text)),
  };
}
