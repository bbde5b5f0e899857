import { anyFile, codeFirst } from './code-first.ts';
import { compareNumbers, wholeNumber } from './files.ts';
import { historyTable, isText, oneRowEach } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /^(\d+)_(\w+)\.rb$/;

/** Files `<version>_<name>.rb`, in order of the number (https://guides.rubyonrails.org/active_record_migrations.html). */
export function rails(): MigrationSource {
  return codeFirst({
    format: 'rails',
    tool: 'Rails',
    language: 'Ruby',
    history: historyTable({
      table: 'schema_migrations',
      column: 'version',
      columns: ['version'],
      order: ['version'],
      fits: (columns, all) =>
        columns.size === 1 &&
        isText(columns.get('version')) &&
        all.some(({ name }) => name.toLowerCase() === 'ar_internal_metadata'),
      read: oneRowEach('version'),
    }),
    recognises: (files) => anyFile(files, /\.rb$/, /\bActiveRecord::Migration\b/),
    find: (files) =>
      files
        .flatMap(({ base, path }) => {
          const [, digits, name = ''] = FILE.exec(base) ?? [];
          return digits === undefined ? [] : [{ version: wholeNumber(digits), name, file: path }];
        })
        .sort((a, b) => compareNumbers(a.version, b.version)),
  });
}
