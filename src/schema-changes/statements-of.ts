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
 * statements that would end that transaction, or that can't be in one. `untold`: where the engine commits each statement by
 * itself, those of which after a crash nobody could tell whether they took effect.
 */
export async function statementsOf(
  sql: string,
  name: DatabaseFacts['engine'],
): Promise<{ statements: string[]; controls: boolean; untold: { text: string; why: string }[] }> {
  const { read, untold } = await engineOf(name);
  const texts = read(sql).map(({ text }) => text.trim());
  const whole = BEGIN.test(texts[0] ?? '') && END.test(texts.at(-1) ?? '');
  const inner = whole ? texts.slice(1, -1) : texts;
  return {
    statements: inner,
    controls: inner.some((text) => CONTROLS.test(text) || OUTSIDE.test(text)),
    untold: inner.flatMap((text) => {
      const why = untold?.(text);
      return why === undefined ? [] : [{ text: text.replace(/\s+/g, ' '), why }];
    }),
  };
}
