import { compareText, refuseDoubles, unlessEmpty } from './files.ts';
import { historyTable, oneRowEach } from './history.ts';
import type { MigrationFile, MigrationSource } from './migrations.ts';

/**
 * Folders `<version>_<name>/` with `up.sql`, `down.sql` and `metadata.toml`; the version is what is before the first `_`,
 * without dashes, and orders them as text (https://docs.rs/diesel_migrations/latest/diesel_migrations/).
 */
export function diesel(): MigrationSource {
  return {
    format: 'diesel',
    tool: 'Diesel',
    history: historyTable({
      table: '__diesel_schema_migrations',
      column: 'version',
      columns: ['version'],
      order: ['run_on', 'version'],
      takeOut: 'row',
      read: oneRowEach('version'),
    }),
    recognises: (files) => files.some(({ path }) => /(?:^|\/)[^/]+\/up\.sql$/.test(path)),
    parse(files) {
      const folders = new Map<string, { name: string; files: Map<string, MigrationFile> }>();
      for (const file of files) {
        const [folder = '', base = ''] = [
          file.path.slice(0, file.path.lastIndexOf('/')),
          file.path.split('/').at(-1),
        ];
        const name = folder.slice(folder.lastIndexOf('/') + 1);
        if (!file.path.includes('/') || name.startsWith('.')) continue;
        const found = folders.get(folder) ?? { name, files: new Map() };
        folders.set(folder, found);
        found.files.set(base, file);
      }
      const migrations = [...folders.values()].flatMap(({ name, files: inside }) => {
        const up = inside.get('up.sql');
        if (!up) return [];
        const [version = ''] = name.split('_');
        const outside = noTransaction(inside.get('metadata.toml')?.content);
        return {
          version: version.replaceAll('-', ''),
          name: name.slice(version.length + 1),
          file: up.path,
          up: up.content,
          down: unlessEmpty(inside.get('down.sql')?.content),
          ...(outside ? { transaction: false } : {}),
        };
      });
      migrations.sort((a, b) => compareText(a.version, b.version));
      refuseDoubles(migrations, 'Diesel');
      return migrations;
    },
  };
}

/** In a `metadata.toml` the setting counts as off where it is not given; without the file it is on. */
function noTransaction(toml: string | undefined): boolean {
  return toml !== undefined && !/^\s*run_in_transaction\s*=\s*true\b/m.test(toml);
}
