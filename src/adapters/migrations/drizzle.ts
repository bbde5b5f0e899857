import { createHash } from 'node:crypto';
import type { Engine } from '../../model/migration-formats.ts';
import type { Migration } from '../../model/release.ts';
import { filesIn, onlyLines, unreadable } from './files.ts';
import { historyTable, textAlways } from './history.ts';
import type { MigrationFile, MigrationSource } from './migrations.ts';

const JOURNAL = /(?:^|\/)meta\/_journal\.json$/;
const BREAKPOINT = '--> statement-breakpoint';

interface JournalEntry {
  idx: number;
  /** ms since the epoch; what the history keeps. */
  when: number;
  tag: string;
}

/**
 * `meta/_journal.json` names the files `<tag>.sql` in their order; `--> statement-breakpoint` ends a statement
 * (https://orm.drizzle.team/docs/migrations). There are no downs. The table keeps each entry's time and the SHA-256 of the
 * file; what is newer than the newest row is what is run.
 */
export function drizzle(): MigrationSource {
  return {
    format: 'drizzle',
    tool: 'Drizzle',
    history: historyTable({
      table: '__drizzle_migrations',
      schema: { postgresql: 'drizzle' },
      column: 'created_at',
      columns: ['created_at', 'hash'],
      order: ['created_at'],
      read: (rows) =>
        rows.map((row) => ({
          // SQLite's column is numeric, and may come as a real number.
          version: textAlways(row, 'created_at').replace(/\.0$/, ''),
          state: 'applied',
          checksum: textAlways(row, 'hash'),
        })),
    }),
    recognises: (files) => files.some(({ path }) => JOURNAL.test(path)),
    parse(files, folder) {
      const inside = filesIn(files, folder);
      const journal = inside.find(({ path }) => JOURNAL.test(path));
      if (!journal) return [];
      const root = journal.path.replace(JOURNAL, '');
      return entriesOf(journal).map((entry): Migration => {
        const path = root === '' ? `${entry.tag}.sql` : `${root}/${entry.tag}.sql`;
        const file = inside.find((one) => one.path === path);
        if (!file)
          throw unreadable('Drizzle', journal.path, 0, `It names ${entry.tag}, and there is no ${path}.`);
        return {
          version: String(entry.when),
          name: entry.tag,
          file: path,
          up: onlyLines(file.content.split('\n'), (line) => line.replaceAll(BREAKPOINT, ';')),
          down: undefined,
          checksums: [createHash('sha256').update(file.content).digest('hex')],
        };
      });
    },
    engine(files) {
      const journal = files.find(({ path }) => JOURNAL.test(path));
      if (!journal) return undefined;
      const { dialect } = read(journal) as { dialect?: unknown };
      const engines: Record<string, Engine> = {
        postgresql: 'postgresql',
        pg: 'postgresql',
        mysql: 'mysql',
        sqlite: 'sqlite',
      };
      return typeof dialect === 'string' ? engines[dialect] : undefined;
    },
  };
}

function entriesOf(journal: MigrationFile): JournalEntry[] {
  const { entries } = read(journal) as { entries?: unknown };
  const valid = (one: unknown): one is JournalEntry =>
    typeof (one as JournalEntry)?.tag === 'string' && Number.isFinite((one as JournalEntry)?.when);
  if (!Array.isArray(entries) || !entries.every(valid)) {
    throw unreadable('Drizzle', journal.path, 0, 'It has no list of entries, each with "tag" and "when".');
  }
  return entries;
}

function read({ path, content }: MigrationFile): object {
  try {
    const value: unknown = JSON.parse(content);
    if (value !== null && typeof value === 'object') return value;
  } catch {
    // Said below.
  }
  throw unreadable('Drizzle', path, 0, 'It is not a JSON object.');
}
