import { anyFile, codeFirst, inOrder } from './code-first.ts';
import { compareText } from './files.ts';
import { historyTable, textAlways } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /(?:^|\/)([^/]+)\/migrations\/([^/_][^/]*)\.py$/;
const DEPENDENCIES = /^\s*dependencies\s*=\s*\[([^\]]*)\]/m;
const PAIR = /\(\s*["'](\w+)["']\s*,\s*["'](\w+)["']\s*,?\s*\)/g;

/**
 * Modules `<app>/migrations/<name>.py`, each after those that it depends on
 * (https://docs.djangoproject.com/en/stable/topics/migrations/). A migration is known by app and name. An app is taken to be
 * labelled by the name of its folder.
 */
export function django(): MigrationSource {
  return codeFirst({
    format: 'django',
    tool: 'Django',
    language: 'Python',
    history: historyTable({
      table: 'django_migrations',
      column: 'name',
      columns: ['app', 'name'],
      order: ['id'],
      read: (rows) =>
        rows.map((row) => ({
          version: `${textAlways(row, 'app')}.${textAlways(row, 'name')}`,
          state: 'applied',
        })),
    }),
    recognises: (files) => anyFile(files, FILE, /\bmigrations\.Migration\b/),
    find: (files) => {
      const nodes = files
        .flatMap(({ path, content }) => {
          const [, app = '', name = ''] = FILE.exec(path) ?? [];
          if (app === '' || !/\bclass\s+Migration\b/.test(content)) return [];
          const pairs = [...(DEPENDENCIES.exec(content)?.[1] ?? '').matchAll(PAIR)];
          const after = pairs.map(([, of, one]) => `${of}.${one}`);
          return [{ version: `${app}.${name}`, name, file: path, after }];
        })
        .sort((a, b) => compareText(a.version, b.version));
      return inOrder(nodes);
    },
  });
}
