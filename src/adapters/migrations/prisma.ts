import { createHash } from 'node:crypto';
import type { Engine } from '../../model/migration-formats.ts';
import type { HistoryEntry } from '../../model/migration-history.ts';
import { compareText, filesIn } from './files.ts';
import { historyTable, text, textAlways } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const PROVIDERS: Record<string, Engine> = {
  postgresql: 'postgresql',
  cockroachdb: 'postgresql',
  mysql: 'mysql',
  sqlite: 'sqlite',
};

/**
 * Folders `<timestamp>_<name>/migration.sql`, in order of their names
 * (https://www.prisma.io/docs/orm/prisma-migrate/understanding-prisma-migrate/migration-histories). There are no downs. The
 * table keeps the SHA-256 of the script, which may also be that with other line ends.
 */
export function prisma(): MigrationSource {
  return {
    format: 'prisma',
    tool: 'Prisma',
    history: historyTable({
      table: '_prisma_migrations',
      column: 'migration_name',
      columns: ['migration_name', 'checksum', 'finished_at', 'rolled_back_at'],
      order: ['started_at', 'id'],
      read: (rows) => {
        // A migration that failed and was tried again has a row for each try; the last one counts.
        const last = new Map<string, HistoryEntry>();
        for (const row of rows) {
          const version = textAlways(row, 'migration_name');
          const undone = text(row, 'rolled_back_at') !== undefined;
          const state = undone
            ? 'rolled-back'
            : text(row, 'finished_at') === undefined
              ? 'failed'
              : 'applied';
          last.delete(version);
          last.set(version, { version, state, checksum: textAlways(row, 'checksum') });
        }
        return [...last.values()];
      },
    }),
    recognises: (files) => files.some(({ path }) => /(?:^|\/)migration_lock\.toml$/.test(path)),
    parse(files, folder) {
      const scripts = filesIn(files, folder).filter(({ path }) => /[^/]\/migration\.sql$/.test(path));
      return scripts
        .map(({ path, content }) => {
          const version = path.split('/').at(-2) as string;
          return {
            version,
            name: version.replace(/^\d+_/, ''),
            file: path,
            up: content,
            down: undefined,
            checksums: checksumsOf(content),
          };
        })
        .sort((a, b) => compareText(a.version, b.version));
    },
    engine: (files) => {
      const lock = files.find(({ path }) => /(?:^|\/)migration_lock\.toml$/.test(path));
      return PROVIDERS[/^\s*provider\s*=\s*"(\w+)"/m.exec(lock?.content ?? '')?.[1] ?? ''];
    },
  };
}

function checksumsOf(script: string): string[] {
  const forms = [script, script.replaceAll('\r\n', '\n'), script.replaceAll('\n', '\r\n')];
  return [...new Set(forms)].map((form) => createHash('sha256').update(form).digest('hex'));
}
