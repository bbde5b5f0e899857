import type { Migration } from '../../model/release.ts';
import { compareText, linesOf, refuseDoubles, section, topLevel, unlessEmpty, unreadable } from './files.ts';
import { historyTable, isText, oneRowEach } from './history.ts';
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
    tool: 'dbmate',
    history: historyTable({
      table: 'schema_migrations',
      column: 'version',
      columns: ['version'],
      order: ['version'],
      takeOut: 'row',
      fits: (columns, all) =>
        columns.size === 1 &&
        isText(columns.get('version')) &&
        !all.some(({ name }) => name.toLowerCase() === 'ar_internal_metadata'),
      read: oneRowEach('version'),
    }),
    recognises: (files) =>
      files.some(({ path, content }) => path.endsWith('.sql') && /^--\s*migrate:up\b/m.test(content)),
    parse(files, folder) {
      const named = topLevel(files, folder).sort((a, b) => compareText(a.base, b.base));
      const migrations = named.flatMap(({ path, base, content }) => {
        const match = FILE.exec(base);
        return match ? [parseFile(path, content, match[1] as string, match[2] as string)] : [];
      });
      refuseDoubles(migrations, 'dbmate');
      return migrations;
    },
  };
}

function parseFile(path: string, content: string, version: string, name: string): Migration {
  const lines = linesOf(content);
  const directives = lines.flatMap((text, index) => {
    const match = DIRECTIVE.exec(text);
    return match ? [{ index, word: match[1] as string, options: (match[2] as string).trim() }] : [];
  });
  for (const { index, word, options } of directives) {
    if (word !== 'up' && word !== 'down')
      throw unreadable('dbmate', path, index, `"migrate:${word}" is not known.`);
    if (!/^(?:transaction:(?:true|false))?$/.test(options)) {
      throw unreadable('dbmate', path, index, `The option "${options}" is not known.`);
    }
  }
  const [up, down, third] = directives;
  if (!up) throw unreadable('dbmate', path, 0, 'There is no "-- migrate:up" line.');
  if (up.word !== 'up') throw unreadable('dbmate', path, up.index, 'There is no "-- migrate:up" before it.');
  if (down?.word === 'up' || third) {
    throw unreadable(
      'dbmate',
      path,
      (third ?? down)?.index ?? 0,
      '"migrate:up" and "migrate:down" may each be there once.',
    );
  }
  const before = lines.slice(0, up.index).find((line) => line.trim() !== '' && !/^\s*--/.test(line));
  if (before !== undefined) {
    throw unreadable('dbmate', path, lines.indexOf(before), 'There is SQL before "-- migrate:up".');
  }
  const outside = [up, down].some((directive) => directive?.options === 'transaction:false');
  return {
    version,
    name,
    file: path,
    up: section(lines, up.index + 1, down?.index ?? lines.length),
    down: unlessEmpty(down && section(lines, down.index + 1, lines.length)),
    ...(outside ? { transaction: false } : {}),
  };
}
