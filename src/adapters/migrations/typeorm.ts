import { anyFile, codeFirst } from './code-first.ts';
import { historyTable, oneRowEach } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /\.(?:js|cjs|mjs|ts)$/;
const CLASS = /\bclass\s+(\w+)/;
const NAME = /^\s*(?:public\s+|readonly\s+)*name\s*(?::\s*string\s*)?=\s*["'`]([^"'`]+)["'`]/m;

/**
 * Classes that implement `MigrationInterface`, named or called with a time in ms at the end, in order of that time
 * (https://typeorm.io/docs/migrations/why). The table keeps the class's name.
 */
export function typeorm(): MigrationSource {
  return codeFirst({
    format: 'typeorm',
    tool: 'TypeORM',
    language: 'TypeScript',
    history: historyTable({
      table: 'migrations',
      column: 'name',
      columns: ['timestamp', 'name'],
      order: ['id'],
      // Another tool with a table of that name has a column batch.
      fits: (columns) => columns.has('timestamp') && columns.has('name') && !columns.has('batch'),
      read: oneRowEach('name'),
    }),
    recognises: (files) => anyFile(files, FILE, /\bMigrationInterface\b|\bqueryRunner\b/),
    find: (files) =>
      files
        .flatMap(({ base, path, content }) => {
          if (!FILE.test(base) || /\.d\.ts$/.test(base)) return [];
          const version = NAME.exec(content)?.[1] ?? CLASS.exec(content)?.[1];
          const at = Number(version?.slice(-13));
          return version && at ? [{ at, version, name: version.slice(0, -13), file: path }] : [];
        })
        .sort((a, b) => a.at - b.at)
        .map(({ version, name, file }) => ({ version, name, file })),
  });
}
