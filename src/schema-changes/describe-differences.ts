import type { SchemaDifference } from './compare-summaries.ts';

/** Differences for people, one thing a line, each once, in the order of what it is about. Pure. */
export function describeDifferences(differences: readonly SchemaDifference[]): string[] {
  return [...new Set(differences.map(describeDifference))].sort();
}

/** E.g. `column orders.note: missing`, `table audit: not in the target`. Pure. */
function describeDifference(difference: SchemaDifference): string {
  switch (difference.kind) {
    case 'missing':
      return `${difference.what} ${difference.name}: missing`;
    case 'not-in-target':
      return `${difference.what} ${difference.name}: not in the target`;
    case 'defined-otherwise':
      return `${difference.what} ${difference.name}: defined otherwise than in the target`;
    case 'other-values': {
      const { what, name, is, was } = difference;
      return `${what} ${name}: has the values ${is}; in the target ${was}`;
    }
    case 'constraint-missing':
      return `table ${difference.table}: ${difference.constraint} missing`;
    case 'constraint-not-in-target':
      return `table ${difference.table}: ${difference.constraint} not in the target`;
    case 'another-type':
      return `column ${difference.column}: ${difference.is}, in the target ${difference.was}`;
    case 'must-not-be-null':
      return `column ${difference.column}: must not be NULL, in the target it may`;
    case 'may-be-null':
      return `column ${difference.column}: may be NULL, in the target not`;
    case 'another-default':
      return `column ${difference.column}: another default than in the target`;
    case 'not-compared':
      return `not compared: ${difference.why}`;
  }
}
