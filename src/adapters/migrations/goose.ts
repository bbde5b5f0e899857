import type { HistoryEntry } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import {
  compareNumbers,
  type FolderFile,
  linesOf,
  onlyLines,
  refuseDoubles,
  topLevel,
  unlessEmpty,
  unreadable,
  wholeNumber,
} from './files.ts';
import { historyTable, isTrue, textAlways } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const WORDS = ['up', 'down', 'statementbegin', 'statementend', 'no transaction', 'envsub on', 'envsub off'];
const GO = 'It is written in Go, so that its SQL is not known.';
const ENVSUB = 'It takes values from the environment (ENVSUB), so that its SQL is not known.';

/**
 * Files `<version>_<name>.sql` with `-- +goose Up` and `-- +goose Down`, in order of the number; `StatementBegin` and
 * `StatementEnd` hold a statement with semicolons in it (https://pressly.github.io/goose/documentation/annotations/). The
 * table has a row for each step; older versions of the tool add one for each step back, too.
 */
export function goose(): MigrationSource {
  return {
    format: 'goose',
    tool: 'goose',
    history: historyTable({
      table: 'goose_db_version',
      column: 'version_id',
      columns: ['version_id', 'is_applied'],
      order: ['id'],
      takeOut: 'row',
      read: (rows) => {
        const last = new Map<string, HistoryEntry>();
        for (const row of rows) {
          const version = textAlways(row, 'version_id');
          // The first row marks the empty database.
          if (version === '0') continue;
          last.delete(version);
          last.set(version, { version, state: isTrue(row, 'is_applied') ? 'applied' : 'rolled-back' });
        }
        return [...last.values()];
      },
    }),
    recognises: (files) =>
      files.some(({ path, content }) => path.endsWith('.sql') && /^--\s*\+goose\s+Up\b/im.test(content)),
    parse(files, folder) {
      const migrations = topLevel(files, folder).flatMap((file): Migration[] => {
        const [, digits, name = '', kind] = /^(\d+)_(.*)\.(sql|go)$/.exec(file.base) ?? [];
        if (digits === undefined || file.base.endsWith('_test.go')) return [];
        const version = wholeNumber(digits);
        if (version === '0') throw unreadable('goose', file.path, 0, 'Its version must be above 0.');
        const base = { version, name, file: file.path };
        if (kind === 'sql') return [{ ...base, ...read(file) }];
        return [{ ...base, up: '', down: undefined, opaque: GO }];
      });
      migrations.sort((a, b) => compareNumbers(a.version, b.version));
      refuseDoubles(migrations, 'goose');
      return migrations;
    },
  };
}

type Read = Pick<Migration, 'up' | 'down' | 'transaction' | 'opaque'>;

function read({ path, content }: FolderFile): Read {
  const lines = linesOf(content);
  let section: 'up' | 'down' | undefined;
  let open = false;
  let environment = false;
  let transaction = true;
  let opaque = false;
  const sql = { up: new Map<number, string>(), down: new Map<number, string>() };
  for (const [index, line] of lines.entries()) {
    const word = wordOf(line, path, index);
    if (word === undefined) {
      if (section) sql[section].set(index, line);
      if (environment && line.includes('$')) opaque = true;
      continue;
    }
    const misplaced = (detail: string) => unreadable('goose', path, index, detail);
    if (word === 'up') {
      if (section) throw misplaced('"+goose Up" may be there once, before "+goose Down".');
      section = 'up';
    } else if (word === 'down') {
      if (section !== 'up' || open) throw misplaced('"+goose Down" may be there once, after "+goose Up".');
      section = 'down';
    } else if (word === 'statementbegin') {
      if (!section || open)
        throw misplaced('"+goose StatementBegin" must follow "+goose Up" or "+goose Down".');
      open = true;
    } else if (word === 'statementend') {
      if (!section || !open) throw misplaced('There is no "+goose StatementBegin" before it.');
      open = false;
      // Where the statement itself ends without one.
      sql[section].set(index, ';');
    } else if (word === 'no transaction') transaction = false;
    else environment = word === 'envsub on';
  }
  if (!section) throw unreadable('goose', path, 0, 'There is no "-- +goose Up" line.');
  if (open) throw unreadable('goose', path, lines.length - 1, 'There is no "+goose StatementEnd".');
  const text = (which: 'up' | 'down') => onlyLines(lines, (_, index) => sql[which].get(index));
  return {
    up: text('up'),
    down: unlessEmpty(section === 'down' ? text('down') : undefined),
    ...(transaction ? {} : { transaction: false }),
    ...(opaque ? { up: '', down: undefined, opaque: ENVSUB } : {}),
  };
}

/** The annotation of a line, lower case; undefined where it has none. */
function wordOf(line: string, path: string, index: number): string | undefined {
  if (!line.trimStart().startsWith('--') || !line.includes('+goose')) return undefined;
  const word = line.replaceAll('--', '').replace('+goose', '').trim();
  if (/^\s/.test(line)) throw unreadable('goose', path, index, 'There are spaces before the annotation.');
  if (WORDS.includes(word.toLowerCase())) return word.toLowerCase();
  throw unreadable('goose', path, index, `"+goose ${word}" is not known.`);
}
