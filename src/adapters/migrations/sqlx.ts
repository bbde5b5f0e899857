import { createHash } from 'node:crypto';
import type { Migration } from '../../model/release.ts';
import { compareNumbers, topLevel, unlessEmpty, unreadable, wholeNumber } from './files.ts';
import { historyTable, isTrue, text, textAlways } from './history.ts';
import type { MigrationSource } from './migrations.ts';

/**
 * Files `<version>_<description>.sql`, or `.up.sql` and `.down.sql`, in order of the number; a file that begins with
 * `-- no-transaction` runs outside of one (https://docs.rs/sqlx/latest/sqlx/migrate/trait.MigrationSource.html). The
 * table keeps the SHA-384 of the text.
 */
export function sqlx(): MigrationSource {
  return {
    format: 'sqlx',
    tool: 'sqlx',
    history: historyTable({
      table: '_sqlx_migrations',
      column: 'version',
      columns: ['version', 'success', 'checksum'],
      hex: ['checksum'],
      order: ['version'],
      takeOut: 'row',
      read: (rows) =>
        rows.map((row) => {
          const checksum = text(row, 'checksum');
          const state = isTrue(row, 'success') ? 'applied' : 'failed';
          return { version: textAlways(row, 'version'), state, ...(checksum ? { checksum } : {}) };
        }),
    }),
    recognises: (files) => {
      const sql = files.filter(({ path }) => path.endsWith('.sql'));
      return sql.length > 0 && sql.every(({ path }) => /(?:^|\/)\d+_[^/]*\.sql$/.test(path));
    },
    parse(files, folder) {
      const migrations = new Map<string, Migration>();
      const downs = new Map<string, string>();
      for (const { base, path, content } of topLevel(files, folder)) {
        const at = base.indexOf('_');
        if (at === -1 || !base.endsWith('.sql')) continue;
        if (!/^[+-]?\d+$/.test(base.slice(0, at))) {
          throw unreadable('sqlx', path, 0, 'The name does not begin with a whole number.');
        }
        const version = wholeNumber(base.slice(0, at).replace('+', ''));
        const down = base.endsWith('.down.sql');
        if (down) {
          downs.set(version, content);
          continue;
        }
        const double = migrations.get(version);
        if (double) throw unreadable('sqlx', path, 0, `${double.file} has the same version ${version}.`);
        migrations.set(version, {
          version,
          name: base
            .slice(at + 1)
            .replace(/(?:\.up)?\.sql$/, '')
            .replaceAll('_', ' '),
          file: path,
          up: content,
          down: undefined,
          ...(content.startsWith('-- no-transaction') ? { transaction: false } : {}),
          checksums: [createHash('sha384').update(content).digest('hex')],
        });
      }
      return [...migrations.values()]
        .sort((a, b) => compareNumbers(a.version, b.version))
        .map((migration) => ({ ...migration, down: unlessEmpty(downs.get(migration.version)) }));
    },
  };
}
