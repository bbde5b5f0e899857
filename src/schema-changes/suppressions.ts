import type { RuleId } from './rules.ts';
import { RULES } from './rules.ts';
import type { Place, SchemaFinding } from './verdict.ts';

/** A statement with the comments before and in it. */
export interface Commented {
  comments: string;
  place: Place;
}

/** `rollback-deploy-auto:allow RULE[, RULE...] REASON`, in a comment of any kind, to the end of its line. */
const ALLOW = /(?:--|#|\/\*)[^\n]*?\brollback-deploy-auto:allow\b([^\n]*)/g;

/**
 * Marks findings that a comment before or in their statement allows with a reason. A comment that gives no reason, or
 * names no rule that there is, is itself a finding that stops, and allows nothing.
 */
export function suppress(findings: SchemaFinding[], statements: Commented[]): SchemaFinding[] {
  const mistakes: SchemaFinding[] = [];
  let marked = findings;
  for (const { comments, place } of statements) {
    for (const [, text = ''] of comments.matchAll(ALLOW)) {
      const { rules, reason } = read(text);
      const wrong = mistake(rules, reason);
      if (wrong) {
        mistakes.push({
          ...place,
          rule: 'suppression',
          verdict: 'unknown',
          when: undefined,
          why: wrong,
          fix: 'Write: -- rollback-deploy-auto:allow RULE REASON',
          docs: 'docs/rules/suppression.md',
          allowed: undefined,
        });
        continue;
      }
      marked = marked.map((finding) =>
        finding.file === place.file && finding.line === place.line && rules.includes(finding.rule)
          ? { ...finding, allowed: reason }
          : finding,
      );
    }
  }
  return [...mistakes, ...marked];
}

function read(text: string): { rules: string[]; reason: string } {
  const [, names = '', reason = ''] =
    /^\s*([a-z-]+(?:\s*,\s*[a-z-]+)*)?(.*)$/.exec(text.replace(/\*\/.*$/, '')) ?? [];
  const rules = names.split(',').map((name) => name.trim());
  return { rules: rules.filter((name) => name !== ''), reason: reason.trim() };
}

function mistake(rules: string[], reason: string): string | undefined {
  if (rules.length === 0) return 'A suppression names the rule that it allows.';
  const wrong = rules.filter((name) => !isRule(name));
  if (wrong.length > 0) return `There is no rule ${wrong.join(', ')}.`;
  if (rules.includes('suppression')) return 'A mistake in a suppression can not be suppressed.';
  return reason === '' ? `A suppression says why ${rules.join(', ')} is allowed.` : undefined;
}

function isRule(name: string): name is RuleId {
  return Object.hasOwn(RULES, name);
}
