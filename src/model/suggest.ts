import { distance } from 'fastest-levenshtein';

/**
 * The valid name that a typo most likely meant: the nearest by edit distance, at most a third of its length (and at
 * least 2) away, or one that the typo is the beginning of. Undefined where none is near.
 */
export function closest(name: string, valid: readonly string[]): string | undefined {
  const typed = name.toLowerCase();
  let best: { candidate: string; off: number } | undefined;
  for (const candidate of valid) {
    const begins = typed.length >= 2 && candidate.toLowerCase().startsWith(typed);
    const off = begins ? 1 : distance(typed, candidate.toLowerCase());
    if (
      off <= Math.max(2, Math.floor(candidate.length / 3)) &&
      off < candidate.length &&
      (!best || off < best.off)
    ) {
      best = { candidate, off };
    }
  }
  return best?.candidate;
}

/** `; did you mean "local"?`, or nothing where no valid name is near. */
export function didYouMean(name: string, valid: readonly string[]): string {
  const meant = closest(name, valid);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}
