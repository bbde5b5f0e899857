import { anyFile, codeFirst } from './code-first.ts';
import { compareNumbers, wholeNumber } from './files.ts';
import { historyTable, oneRowEach } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /^(\d+)_(.+)\.exs$/;

/** Files `<version>_<name>.exs`, also in folders below, in order of the number (https://hexdocs.pm/ecto_sql/Ecto.Migration.html). */
export function ecto(): MigrationSource {
  return codeFirst({
    format: 'ecto',
    tool: 'Ecto',
    language: 'Elixir',
    history: historyTable({
      table: 'schema_migrations',
      column: 'version',
      columns: ['version', 'inserted_at'],
      order: ['version'],
      read: oneRowEach('version'),
    }),
    recognises: (files) => anyFile(files, /\.exs$/, /\buse\s+Ecto\.Migration\b/),
    find: (files) =>
      files
        .flatMap(({ base, path }) => {
          const [, digits, name = ''] = FILE.exec(base) ?? [];
          return digits === undefined ? [] : [{ version: wholeNumber(digits), name, file: path }];
        })
        .sort((a, b) => compareNumbers(a.version, b.version)),
  });
}
