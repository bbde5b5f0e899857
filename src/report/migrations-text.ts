import { type FileFinding, type FileVerdict, type JudgedFile, standsInTheWay } from '../model/judged-file.ts';

const WORDS: Record<FileVerdict, string> = {
  safe: 'OK',
  conditional: 'WARN',
  unknown: 'UNKNOWN',
  'writes-fail': 'FAIL',
  'reads-fail': 'FAIL',
  'data-destroyed': 'FAIL',
};
const SAYS: Record<FileVerdict, string> = {
  safe: 'the old code can run',
  conditional: 'the old code can run, with something to know of',
  unknown: "it can't be told",
  'writes-fail': "the old code's writes fail",
  'reads-fail': "the old code's reads fail",
  'data-destroyed': 'data is destroyed',
};

/** What `migrations` prints: a line for each file, below it what is not safe, and how it stands in all. */
export function migrationsText(files: readonly JudgedFile[]): string {
  const lines = files.flatMap((judged) => [
    headline(judged),
    ...judged.findings.filter(({ verdict }) => verdict !== 'safe').flatMap(findingLines),
  ]);
  return [...lines, ...(lines.length > 0 ? [''] : []), closing(files)].join('\n');
}

/** Of the old code's queries; they are never more than what they read or write. */
const QUERIES: Record<FileVerdict, string> = {
  ...SAYS,
  safe: 'every query can be prepared on the live schema',
  conditional: 'a query that was run fails on the live schema',
  'writes-fail': 'a query of the old code fails on the live schema',
  'reads-fail': 'a query of the old code fails on the live schema',
};

function headline({ file, about, verdict, reversal }: JudgedFile): string {
  const word = `  [${WORDS[verdict]}] ${file}: `;
  if (about === 'queries') return word + QUERIES[verdict];
  if (about === undefined) return `${word}${SAYS[verdict]}; reversal ${reversal}`;
  return verdict === 'safe' ? `${word}history and schema are those of the files` : word + SAYS[verdict];
}

function findingLines({
  rule,
  statement,
  line,
  verdict,
  when,
  why,
  fix,
  docs,
  catalog,
  allowed,
}: FileFinding): string[] {
  const below = (text: string) => `    ${text}`;
  // A live schema has no lines.
  const place = [...(line > 0 ? [line] : []), ...(statement === '' ? [] : [statement])].join(': ');
  const what = catalog === 'alone' ? `live schema: ${statement}` : place;
  const lines = [below(`${what} (${rule}: ${verdict.replaceAll('-', ' ')})`), below(why)];
  if (when) lines.push(below(`When: ${when}`));
  if (allowed !== undefined) return [...lines, below(`allowed: ${allowed}`)];
  if (fix !== '') lines.push(below(`Fix: ${fix}`));
  if (docs) lines.push(below(`See: ${docs}`));
  return lines;
}

function closing(judged: readonly JudgedFile[]): string {
  const files = judged.filter(({ about }) => about === undefined);
  const live = judged.some((one) => one.about !== undefined && standsInTheWay(one));
  const also = live ? ' What the live database says does.' : '';
  if (files.length === 0) return `There are no migrations to judge.${also}`;
  const stopping = files.filter(standsInTheWay).length;
  const all = files.length === 1 ? '1 file' : `${files.length} files`;
  if (stopping === 0) return `Nothing in ${all} stands in the way of going back.${also}`;
  return `${stopping} of ${all} ${stopping === 1 ? 'stands' : 'stand'} in the way of going back.${also}`;
}
