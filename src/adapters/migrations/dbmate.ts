import { RollbackError } from '../../model/error.ts';
import type { Migration } from '../../model/release.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /^(\d+)_?(.*)\.sql$/;
const DIRECTIVE = /^--\s*migrate:(\w+)(.*)$/;

/**
 * Files `<version>_<name>.sql` with `-- migrate:up [transaction:false]` and `-- migrate:down`
 * (https://github.com/amacneil/dbmate#creating-migrations). Other files in the folder are left out, as dbmate does.
 */
export function dbmate(): MigrationSource {
  return {
    format: 'dbmate',
    history: { table: 'schema_migrations', column: 'version' },
    parse: (files) => {
      const migrations = files.flatMap(({ path, content }) => {
        const match = FILE.exec(path.slice(path.lastIndexOf('/') + 1));
        return match ? [parseFile(path, content, match[1] as string, match[2] as string)] : [];
      });
      migrations.sort((a, b) => (a.version < b.version ? -1 : a.version > b.version ? 1 : 0));
      refuseDoubles(migrations);
      return migrations;
    },
  };
}

function parseFile(path: string, content: string, version: string, name: string): Migration {
  const lines = content.replace(/^\ufeff/, '').split(/\r?\n/);
  const directives = lines.flatMap((text, index) => {
    const match = DIRECTIVE.exec(text);
    return match ? [{ index, word: match[1] as string, options: (match[2] as string).trim() }] : [];
  });
  for (const { index, word, options } of directives) {
    if (word !== 'up' && word !== 'down') throw unreadable(path, index, `"migrate:${word}" is not known.`);
    if (!/^(?:transaction:(?:true|false))?$/.test(options)) {
      throw unreadable(path, index, `The option "${options}" is not known.`);
    }
  }
  const [up, down, third] = directives;
  if (!up) throw unreadable(path, 0, 'There is no "-- migrate:up" line.');
  if (up.word !== 'up') throw unreadable(path, up.index, 'There is no "-- migrate:up" before it.');
  if (down?.word === 'up' || third) {
    throw unreadable(
      path,
      (third ?? down)?.index ?? 0,
      '"migrate:up" and "migrate:down" may each be there once.',
    );
  }
  const before = lines.slice(0, up.index).find((line) => line.trim() !== '' && !line.startsWith('--'));
  if (before !== undefined) {
    throw unreadable(path, lines.indexOf(before), 'There is SQL before "-- migrate:up".');
  }
  // Blank lines stand for what is left out, so that line numbers in messages are those of the file.
  const section = (from: number, to: number) =>
    `${'\n'.repeat(from + 1)}${lines.slice(from + 1, to).join('\n')}`;
  const reverse = down && section(down.index, lines.length);
  return {
    version,
    name,
    file: path,
    up: section(up.index, down?.index ?? lines.length),
    // A section with nothing in it reverses nothing.
    down: reverse && withoutComments(reverse) !== '' ? reverse : undefined,
  };
}

function refuseDoubles(migrations: Migration[]): void {
  for (const [i, migration] of migrations.entries()) {
    const before = migrations[i - 1];
    if (before?.version === migration.version) {
      throw unreadable(migration.file, 0, `${before.file} has the same version ${migration.version}.`);
    }
  }
}

function withoutComments(sql: string): string {
  return sql.replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, '').replace(/[\s;]/g, '');
}

function unreadable(path: string, index: number, detail: string): RollbackError {
  return new RollbackError({
    code: 'MIGRATION_UNREADABLE',
    summary: `The migration ${path}:${index + 1} can't be read as dbmate's`,
    detail,
    fix: 'Correct the file, or set database.migrations.format in rollback.yaml to the tool that wrote it.',
  });
}
