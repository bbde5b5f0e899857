import type { ReleaseRow } from '../model/views.ts';
import { columns } from './columns.ts';
import { plain } from './format.ts';

/** Releases as given, with the evidence for (+) and against (-) each below it. Ends without a line break. */
export function releasesTable(rows: ReleaseRow[]): string {
  if (rows.length === 0) return 'No release yet.';
  const table = columns([
    ['VERSION', 'RELEASE', 'DEPLOYED (UTC)', 'VERDICT', 'IMAGE', ''],
    ...rows.map((row) => [
      row.release.version,
      row.release.id,
      row.deployedAt.slice(0, 16).replace('T', ' '),
      row.verdict,
      row.image,
      [...(row.current ? ['current'] : []), ...(row.tagMoved ? ['tag moved since'] : [])].join(', '),
    ]),
  ]);
  const [head, ...lines] = table;
  const body = rows.flatMap((row, i) => [
    lines[i],
    ...row.for.map((evidence) => plain(`  + ${evidence}`)),
    ...row.against.map((evidence) => plain(`  - ${evidence}`)),
  ]);
  return [head, ...body].join('\n');
}
