import type { Known } from '../model/facts.ts';
import type { Catalogs } from '../schema-changes/compare-catalogs.ts';
import type { SchemaFinding } from '../schema-changes/verdict.ts';

/** A finding in a line. */
export function evidenceOf(finding: SchemaFinding): string {
  const { file, line, statement, rule, verdict, when, why, allowed, catalog } = finding;
  const said = `${rule}: ${verdict.replaceAll('-', ' ')}${when ? `, ${when}` : ''}`;
  const word = allowed === undefined ? '' : ` Allowed in the file: ${allowed}.`;
  if (catalog === 'alone')
    return `${file}: ${statement} (${said}). ${why} No statement that was read says so.`;
  const differs =
    catalog === 'differs'
      ? ' The live schema does not show it: it was undone by other means, and what it did to rows was not.'
      : '';
  return `${file}:${line}: ${statement} (${said}). ${why}${differs}${word}`;
}

/** How the live schema was compared, and whether it agrees. */
export function comparisonOf(
  catalogs: Known<Catalogs> | undefined,
  findings: SchemaFinding[],
  version: string,
): string[] {
  if (!catalogs) return [];
  if (!catalogs.known) {
    const fix = catalogs.fix === undefined ? '' : ` ${catalogs.fix}`;
    return [`The live schema was not compared with that of ${version}. ${catalogs.why}${fix}`];
  }
  const other = findings.filter(({ catalog }) => catalog === 'alone' || catalog === 'differs');
  const agrees =
    other.length === 0
      ? 'it shows nothing else'
      : `${other.length} ${other.length === 1 ? 'difference' : 'differences'} to that`;
  const { target, live } = catalogs.value;
  const unread = [...new Set([...target.unread, ...live.unread])];
  return [
    `The live schema was compared with that of ${version}, made anew from its migrations: ${agrees}.`,
    ...(unread.length > 0 ? [`Not compared: ${unread.slice(0, 3).join(' ')}`] : []),
  ];
}
