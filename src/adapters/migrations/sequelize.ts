import { anyFile, codeFirst } from './code-first.ts';
import { compareText } from './files.ts';
import { historyTable, oneRowEach } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /\.(?:js|cjs|mjs|ts)$/;

/** Modules with `up(queryInterface)`, by file name (https://sequelize.org/docs/v6/other-topics/migrations/). */
export function sequelize(): MigrationSource {
  return codeFirst({
    format: 'sequelize',
    tool: 'Sequelize',
    language: 'JavaScript',
    history: historyTable({
      table: 'SequelizeMeta',
      column: 'name',
      columns: ['name'],
      order: ['name'],
      read: oneRowEach('name'),
    }),
    recognises: (files) => anyFile(files, FILE, /\bqueryInterface\b/),
    find: (files) =>
      files
        .filter(({ inside, base }) => !inside.includes('/') && FILE.test(base) && !/\.d\.ts$/.test(base))
        .sort((a, b) => compareText(a.base, b.base))
        .map(({ base, path }) => ({ version: base, name: base.replace(/\.\w+$/, ''), file: path })),
  });
}
