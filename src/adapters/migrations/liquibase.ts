import type { HistoryEntry, HistoryRow } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import {
  compareText,
  type FolderFile,
  filesIn,
  linesOf,
  onlyLines,
  refuseDoubles,
  unlessEmpty,
  unreadable,
} from './files.ts';
import { historyTable, textAlways } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const HEADER = /^\s*--\s*liquibase\s*formatted.*/i;
const CHANGESET = /^\s*--\s*changeset\s+("[^"]+"|[^:]+):\s*("[^"]+"|\S+)(.*)$/i;
const ROLLBACK = /^\s*--\s*rollback (.*)$/i;
const ABOUT = /^\s*--\s*(?:property\s|comments?:?\s|preconditions|precondition-|validCheckSum|rollback\s*$)/i;
const EXECUTED = ['EXECUTED', 'RERAN', 'MARK_RAN'];

/**
 * Formatted SQL: `--liquibase formatted sql`, then `--changeset author:id` and `--rollback SQL`
 * (https://docs.liquibase.com/concepts/changelogs/sql-format.html). Files come in the order in which a changelog in XML, YAML
 * or JSON names them, else in that of their paths, as `includeAll` does. A changeset is known by file, id and author. The
 * tool's own checksums go over its reading of the SQL, and are not computed.
 */
export function liquibase(): MigrationSource {
  return {
    format: 'liquibase',
    tool: 'Liquibase',
    history: historyTable({
      table: 'databasechangelog',
      column: 'id',
      columns: ['id', 'author', 'filename', 'exectype'],
      order: ['orderexecuted'],
      upperCase: true,
      read,
    }),
    recognises: (files) => files.some(isFormatted),
    parse(files, folder) {
      const all = filesIn(files, folder);
      const order = orderNamed(all);
      const place = ({ path }: FolderFile) => {
        const at = order.findIndex((named) => path === named || path.endsWith(`/${named}`));
        return at === -1 ? order.length : at;
      };
      const scripts = all
        .filter(isFormatted)
        .sort((a, b) => place(a) - place(b) || compareText(a.path, b.path));
      const sets = scripts.flatMap(changesets);
      const migrations = sets.map(({ migration, undoneBy }) => {
        if (!undoneBy) return migration;
        const other = sets.find(
          (one) => one.id === undoneBy.id && (!undoneBy.author || one.author === undoneBy.author),
        );
        return { ...migration, down: unlessEmpty(other?.migration.up) };
      });
      refuseDoubles(migrations, 'Liquibase');
      return migrations;
    },
  };
}

interface Changeset {
  id: string;
  author: string;
  migration: Migration;
  /** The changeset whose SQL takes it back. */
  undoneBy: { id: string; author: string | undefined } | undefined;
}

function isFormatted({ path, content }: { path: string; content: string }): boolean {
  return /\.sql$/i.test(path) && HEADER.test(linesOf(content).find((line) => line.trim() !== '') ?? '');
}

/** Files that changelogs include, in their order. */
function orderNamed(files: readonly FolderFile[]): string[] {
  return files
    .filter(
      ({ path, content }) => /\.(?:xml|ya?ml|json)$/i.test(path) && content.includes('databaseChangeLog'),
    )
    .flatMap(({ content }) => [...content.matchAll(/\bfile"?\s*[:=]\s*["']?([^\s"'<>,}]+\.sql)/gi)])
    .map(([, named = '']) => named.replace(/^(?:classpath:|\.?\/)/, ''));
}

function changesets(file: FolderFile): Changeset[] {
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
function delimited(line: string, delimiter: string | undefined): string {
  if (delimiter === undefined || !line.trimEnd().endsWith(delimiter)) return line;
  return `${line.trimEnd().slice(0, -delimiter.length)};`;
}

function versionOf(file: string, id: string, author: string): string {
  return `${file.replace(/^classpath:/, '')}::${id}::${author}`;
}

function read(rows: readonly HistoryRow[], known: readonly Migration[]): HistoryEntry[] {
  return rows.map((row) => {
    const stored = versionOf(textAlways(row, 'filename'), textAlways(row, 'id'), textAlways(row, 'author'));
    const same = known.find(({ version }) => isSame(version, stored));
    const type = textAlways(row, 'exectype').toUpperCase();
    const state = EXECUTED.includes(type) ? 'applied' : type === 'SKIPPED' ? 'rolled-back' : 'failed';
    return { version: same?.version ?? stored, state };
  });
}

/** The table holds a file as it was found on the search path, which may begin elsewhere. */
function isSame(version: string, stored: string): boolean {
  return version === stored || version.endsWith(`/${stored}`) || stored.endsWith(`/${version}`);
}
