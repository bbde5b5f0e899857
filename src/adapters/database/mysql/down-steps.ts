import { effectOf } from '../../../schema-changes/mysql/commits.ts';

/** A statement that changes something. */
export interface DownStep {
  text: string;
  kind: 'rows' | 'schema';
  /** Settings of the session that stand right before it: another session needs them anew. */
  settings: string[];
}

/** Settings at the end are left out: they end with the session. */
export function downSteps(statements: readonly string[]): DownStep[] {
  const steps: DownStep[] = [];
  let settings: string[] = [];
  for (const text of statements) {
    const effect = effectOf(text);
    if (effect.kind === 'untold')
      throw new Error(`After a crash nobody could tell of it: ${text}. ${effect.why}`);
    if (effect.kind === 'session') settings.push(text);
    else {
      steps.push({ text, kind: effect.kind, settings });
      settings = [];
    }
  }
  return steps;
}

/**
 * The same statement, told not to keep writers waiting; undefined where it has no such clause. The server refuses it where it
 * can't do without.
 */
export function online(text: string): string | undefined {
  if (/\b(?:lock|algorithm)\s*=|\bpartition\b/i.test(text)) return undefined;
  if (/^alter\s+(?:ignore\s+)?table\b/i.test(text)) return `${text}\n, LOCK = NONE`;
  if (/^(?:create\s+(?:unique\s+)?index|drop\s+index)\b/i.test(text)) return `${text}\nLOCK = NONE`;
  return undefined;
}
