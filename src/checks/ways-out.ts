import type { DatabaseFacts, MigrationSpan } from '../model/facts.ts';
import type { Release } from '../model/release.ts';
import type { ReversalOutlook } from '../model/reversal.ts';
import { judgeReversal } from '../schema-changes/judge-reversal.ts';
import type { SchemaFinding } from '../schema-changes/verdict.ts';
import { amountOf, lossEvidence } from './reversal.ts';

/** Reverse migration, restore, forward fix; each with what it costs. */
export async function waysOut(
  { migrations, unknownVersions }: MigrationSpan,
  stopping: SchemaFinding[],
  target: Release,
  engine: DatabaseFacts['engine'],
  reversal: ReversalOutlook | undefined,
): Promise<string[]> {
  const { missing, lossy } = await judgeReversal(migrations, engine, target.migrations);
  const places = lossy.map(({ file, line, statement }) => `${file}:${line}: ${statement}`).join('; ');
  const without = [
    ...missing.filter(({ opaque }) => opaque === undefined).map(({ file }) => file),
    ...unknownVersions,
  ];
  const code = missing.filter(({ opaque }) => opaque !== undefined).map(({ file }) => file);
  const reverse =
    reversal?.obstacles.length === 0
      ? byReversal(reversal)
      : without.length === 0 && code.length > 0
        ? `Reverse migration: with the tool itself and the current release's files; what that loses is not known, since ${code.join(', ')} is code.`
        : without.length > 0
          ? `Reverse migration: not possible as it is; there is no down in ${without.join(', ')}.`
          : `Reverse migration: run the downs of ${migrations.length === 1 ? 'it' : `these ${migrations.length}`} with the current release's files, newest first; ${
              lossy.length > 0
                ? `what was written since is lost by ${places}.`
                : 'they remove no table, column or row.'
            } It does not bring back what the migration destroyed.`;
  return [
    reverse,
    'Restore: restore a backup taken before the migration; everything written since is lost.',
    `Forward fix: ship a release with the fix on the present schema. ${unique(
      stopping.map((finding) => finding.fix),
    ).join(' ')}`.trim(),
  ];
}

/** The way that this program goes itself. */
function byReversal({ migrations, losses }: ReversalOutlook): string {
  const names = losses.map(({ name }) => name).join(', ');
  const lost =
    names === '' ? 'Nothing written since is lost.' : `What is lost, ${names}, is agreed to by name.`;
  return `Reverse migration: add --reverse-migrations; the ${migrations.length === 1 ? 'down is' : `${migrations.length} downs are`} tried on a restored copy of the backup, then run before anything moves. ${lost} It does not bring back what the migration destroyed.`;
}

/** What the downs would lose, as counted just now. */
export function lostByReversal(reversal: ReversalOutlook | undefined): string[] {
  return (reversal?.losses ?? []).flatMap((loss) => [
    `Taking back ${loss.version} would lose ${amountOf(loss)}.`,
    ...lossEvidence(loss).slice(-1),
  ]);
}

/** Each text once, in order. */
export function unique(texts: string[]): string[] {
  return [...new Set(texts)].filter((text) => text !== '');
}
