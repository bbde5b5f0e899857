import type { HistoryEntry } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import { compareNumbers, refuseDoubles, topLevel, unlessEmpty, unreadable, wholeNumber } from './files.ts';
import { historyTable, isTrue, textAlways, upTo } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /^([0-9]+)_(.*)\.(down|up)\.(.*)$/;
const LARGEST = 2n ** 64n;

/**
 * Files `<version>_<name>.up.sql` and `.down.sql`, in order of the number
 * (https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md). The table has one row: where it stands, and
 * whether the last step to there failed.
 */
export function golangMigrate(): MigrationSource {
  return {
    format: 'golang-migrate',
    tool: 'golang-migrate',
    history: historyTable({
      table: 'schema_migrations',
      column: 'version',
      columns: ['version', 'dirty'],
      order: ['version'],
      takeOut: 'place',
      read: ([row], known) => {
        if (!row) return [];
        const version = textAlways(row, 'version');
        const entries = version.startsWith('-') ? [] : upTo(version, known, compareNumbers);
        if (!isTrue(row, 'dirty')) return entries;
        const failed: HistoryEntry = { version, state: 'failed' };
        return [...entries.slice(0, -1), failed];
      },
    }),
    recognises: (files) => {
      const numbered = files.filter(({ path }) => /(?:^|\/)\d+_[^/]*\.sql$/.test(path));
      return numbered.length > 0 && numbered.every(({ path }) => /\.(?:up|down)\.sql$/.test(path));
    },
    parse(files, folder) {
      const migrations = new Map<string, Migration>();
      const seen = new Map<string, string>();
      for (const { base, path, content } of topLevel(files, folder)) {
        const [, digits, name = '', direction] = FILE.exec(base) ?? [];
        if (digits === undefined || BigInt(digits) >= LARGEST) continue;
        const version = wholeNumber(digits);
        const double = seen.get(`${version}.${direction}`);
        if (double) throw unreadable('golang-migrate', path, 0, `${double} has the same version ${version}.`);
        seen.set(`${version}.${direction}`, path);
        const migration = migrations.get(version) ?? { version, name, file: path, up: '', down: undefined };
        if (direction === 'up') migrations.set(version, { ...migration, name, file: path, up: content });
        else migrations.set(version, { ...migration, down: unlessEmpty(content) });
      }
      const ordered = [...migrations.values()].sort((a, b) => compareNumbers(a.version, b.version));
      refuseDoubles(ordered, 'golang-migrate');
      return ordered;
    },
  };
}
