import type { Migration } from '../../../model/release.ts';
import { type FolderFile, linesOf, onlyLines, unlessEmpty, unreadable } from '../files.ts';

const HEADER = /^\s*--\s*liquibase\s*formatted.*/i;
const CHANGESET = /^\s*--\s*changeset\s+("[^"]+"|[^:]+):\s*("[^"]+"|\S+)(.*)$/i;
const ROLLBACK = /^\s*--\s*rollback (.*)$/i;
const ABOUT = /^\s*--\s*(?:property\s|comments?:?\s|preconditions|precondition-|validCheckSum|rollback\s*$)/i;

export interface Changeset {
  id: string;
  author: string;
  migration: Migration;
  /** The changeset whose SQL takes it back. */
  undoneBy: { id: string; author: string | undefined } | undefined;
}

export function isFormatted({ path, content }: { path: string; content: string }): boolean {
  return /\.sql$/i.test(path) && HEADER.test(linesOf(content).find((line) => line.trim() !== '') ?? '');
}

/** Changesets of a file of formatted SQL. @throws RollbackError `MIGRATION_UNREADABLE` */
export function changesets(file: FolderFile): Changeset[] {
  const lines = linesOf(file.content);
  const kinds = kindsOf(lines);
  const logical = /logicalFilePath:(\S+)/i.exec(lines.find((line) => HEADER.test(line)) ?? '')?.[1];
  const heads = lines.flatMap((line, index) => {
    if (kinds[index] === 'ignored') return [];
    const match = CHANGESET.exec(line);
    if (!match && /^\s*--?\s*changeset\b/i.test(line)) {
      throw unreadable('Liquibase', file.path, index, 'A changeset is written "--changeset author:id".');
    }
    return match ? [{ index, match }] : [];
  });
  const first = heads[0]?.index ?? lines.length;
  const stray = lines.findIndex(
    (line, i) => i < first && kinds[i] === 'sql' && line.trim() !== '' && !/^\s*--/.test(line),
  );
  if (stray !== -1)
    throw unreadable('Liquibase', file.path, stray, 'There is SQL before the first "--changeset".');
  return heads.map(({ index, match }, i) => {
    const end = heads[i + 1]?.index ?? lines.length;
    const inside = (at: number) => at > index && at < end;
    const [, author = '', id = '', attributes = ''] = match.map((part) =>
      (part ?? '').replace(/^"(.*)"$/, '$1'),
    );
    const delimiter = /\bendDelimiter:(\S+)/i.exec(attributes)?.[1];
    const up = onlyLines(lines, (line, at) =>
      inside(at) && kinds[at] === 'sql' ? delimited(line, delimiter) : undefined,
    );
    const down = onlyLines(lines, (line, at) => {
      if (!inside(at)) return undefined;
      if (kinds[at] === 'rollback-block') return line.replace(/\*\/\s*$/, '');
      return kinds[at] === 'rollback' ? (ROLLBACK.exec(line)?.[1] ?? '') : undefined;
    });
    if (unlessEmpty(up) === undefined) {
      throw unreadable('Liquibase', file.path, index, `The changeset ${author}:${id} has no SQL.`);
    }
    const [, other] = /\bchangesetId:(\S+)/i.exec(down) ?? [];
    const nothing = other !== undefined || /^\s*(?:not required|empty)/i.test(down);
    return {
      id,
      author,
      undoneBy:
        other === undefined ? undefined : { id: other, author: /\bchangesetAuthor:(\S+)/i.exec(down)?.[1] },
      migration: {
        version: versionOf(
          /\blogicalFilePath:(\S+)/i.exec(attributes)?.[1] ?? logical ?? file.path,
          id,
          author,
        ),
        name: `${author}:${id}`,
        file: file.path,
        up,
        down: nothing ? undefined : unlessEmpty(down),
        ...(/\brunInTransaction:false\b/i.test(attributes) ? { transaction: false } : {}),
      },
    };
  });
}

type Kind = 'sql' | 'rollback' | 'rollback-block' | 'about' | 'ignored';

/** What each line is for. */
function kindsOf(lines: readonly string[]): Kind[] {
  let ignored: number | undefined;
  let block = false;
  return lines.map((line): Kind => {
    if (ignored !== undefined) {
      if (/^\s*--\s*ignoreLines:end/i.test(line)) ignored = undefined;
      else if (--ignored === 0) ignored = undefined;
      return 'ignored';
    }
    if (block) {
      if (/\*\/\s*$/.test(line)) block = false;
      return 'rollback-block';
    }
    const [, count] = /^\s*--\s*ignoreLines:(\w+)/i.exec(line) ?? [];
    if (count !== undefined) {
      ignored = count.toLowerCase() === 'start' ? Number.POSITIVE_INFINITY : Number(count) || undefined;
      return 'about';
    }
    if (/^\s*\/\*\s*liquibase\s*rollback\s*$/i.test(line)) {
      block = true;
      return 'about';
    }
    if (ROLLBACK.test(line)) return 'rollback';
    return ABOUT.test(line) || CHANGESET.test(line) || HEADER.test(line) ? 'about' : 'sql';
  });
}

/** With a semicolon for the delimiter at the end of a line. */
export function delimited(line: string, delimiter: string | undefined): string {
  if (delimiter === undefined || !line.trimEnd().endsWith(delimiter)) return line;
  return `${line.trimEnd().slice(0, -delimiter.length)};`;
}

export function versionOf(file: string, id: string, author: string): string {
  return `${file.replace(/^classpath:/, '')}::${id}::${author}`;
}
