import type { HistoryEntry } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import { anyFile, codeFirst, inOrder } from './code-first.ts';
import { compareText } from './files.ts';
import { historyTable, textAlways } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /(?:^|\/)(?!\.#|__init__)[^/]+\.py$/;
const REVISION = /^revision\s*(?::[^=\n]*)?=\s*["']([^"']+)["']/m;

/**
 * Modules with `revision` and `down_revision`, each after those that it names
 * (https://alembic.sqlalchemy.org/en/latest/tutorial.html). The table keeps only the last revisions: what those build on is
 * applied too.
 */
export function alembic(): MigrationSource {
  return codeFirst({
    format: 'alembic',
    tool: 'Alembic',
    language: 'Python',
    history: historyTable({
      table: 'alembic_version',
      column: 'version_num',
      columns: ['version_num'],
      order: ['version_num'],
      read: (rows, known) =>
        appliedBy(
          rows.map((row) => textAlways(row, 'version_num')),
          known,
        ),
    }),
    recognises: (files) => anyFile(files, FILE, /^down_revision\b/m),
    find: (files) => {
      const nodes = files
        .flatMap(({ base, path, content }) => {
          const version = FILE.test(path) ? REVISION.exec(content)?.[1] : undefined;
          if (version === undefined) return [];
          const name = base.replace(/\.py$/, '').replace(`${version}_`, '');
          const after = [...named(content, 'down_revision'), ...named(content, 'depends_on')];
          return [{ version, name, file: path, after }];
        })
        .sort((a, b) => compareText(a.file, b.file));
      return inOrder(nodes);
    },
  });
}

/** Revisions that a module's variable names; `None` is none. */
function named(content: string, variable: string): string[] {
  const value = new RegExp(`^${variable}\\s*(?::[^=\\n]*)?=\\s*(\\([^)]*\\)|\\[[^\\]]*\\]|.*)`, 'm').exec(
    content,
  )?.[1];
  return [...(value ?? '').matchAll(/["']([^"']+)["']/g)].map(([, version = '']) => version);
}

function appliedBy(heads: readonly string[], known: readonly Migration[]): HistoryEntry[] {
  const files = new Map(known.map((migration) => [migration.version, migration]));
  const applied = new Set<string>();
  const open = [...heads];
  for (let version = open.pop(); version !== undefined; version = open.pop()) {
    if (applied.has(version)) continue;
    applied.add(version);
    open.push(...(files.get(version)?.after ?? []));
  }
  const inFiles = known.flatMap(({ version }) => (applied.has(version) ? [version] : []));
  const others = [...applied].filter((version) => !files.has(version));
  return [...others, ...inFiles].map((version) => ({ version, state: 'applied' }));
}
