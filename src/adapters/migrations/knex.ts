import { anyFile, codeFirst } from './code-first.ts';
import { compareText } from './files.ts';
import { historyTable, oneRowEach } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /\.(?:co|coffee|eg|iced|js|cjs|mjs|litcoffee|ls|ts)$/;

/** Modules with `up(knex)` and `down(knex)`, by file name (https://knexjs.org/guide/migrations.html). */
export function knex(): MigrationSource {
  return codeFirst({
    format: 'knex',
    tool: 'Knex',
    language: 'JavaScript',
    history: historyTable({
      table: 'knex_migrations',
      column: 'name',
      columns: ['name', 'batch'],
      order: ['id'],
      read: oneRowEach('name'),
    }),
    recognises: (files) => anyFile(files, FILE, /\bup\b[^\n]*\(\s*knex\b|\bknex\.schema\b/),
    find: (files) =>
      files
        .filter(({ inside, base }) => !inside.includes('/') && FILE.test(base) && !/\.d\.ts$/.test(base))
        .sort((a, b) => compareText(a.base, b.base))
        .map(({ base, path }) => ({ version: base, name: base.replace(/\.\w+$/, ''), file: path })),
  });
}
