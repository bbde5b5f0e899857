import type { HistoryEntry, HistoryRow } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import { filesIn, refuseDoubles, unlessEmpty } from './files.ts';
import { historyTable, textAlways } from './history.ts';
import { changesetsInOrder } from './liquibase/changelog.ts';
import { isFormatted, versionOf } from './liquibase/formatted-sql.ts';
import { isChangelog } from './liquibase/nodes.ts';
import type { MigrationSource } from './migrations.ts';

const EXECUTED = ['EXECUTED', 'RERAN', 'MARK_RAN'];

/**
 * Changelogs in XML, YAML, JSON and formatted SQL (https://docs.liquibase.com/concepts/changelogs/home.html), in the order
 * in which they include one another; formatted SQL that none includes follows in the order of its paths. A changeset is
 * known by file, id and author. The tool's own checksums go over its reading of the changes, and are not computed.
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
    recognises: (files) => files.some((file) => isFormatted(file) || isChangelog(file)),
    parse(files, folder) {
      const sets = changesetsInOrder(filesIn(files, folder));
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
