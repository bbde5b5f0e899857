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

function headline({ file, database, verdict, reversal }: JudgedFile): string {
  const word = `  [${WORDS[verdict]}] ${file}: `;
  if (!database) return `${word}${SAYS[verdict]}; reversal ${reversal}`;
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
  const files = judged.filter(({ database }) => !database);
  const live = judged.some((one) => one.database && standsInTheWay(one));
  const also = live ? ' What the live database says does.' : '';
  if (files.length === 0) return `There are no migrations to judge.${also}`;
  const stopping = files.filter(standsInTheWay).length;
  const all = files.length === 1 ? '1 file' : `${files.length} files`;
  if (stopping === 0) return `Nothing in ${all} stands in the way of going back.${also}`;
  return `${stopping} of ${all} ${stopping === 1 ? 'stands' : 'stand'} in the way of going back.${also}`;
}
