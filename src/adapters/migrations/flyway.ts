import { crc32 } from 'node:zlib';
import type { HistoryEntry, HistoryRow } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import { compareText, filesIn, refuseDoubles, unlessEmpty } from './files.ts';
import { placeholders } from './flyway-placeholders.ts';
import { historyTable, isTrue, text, textAlways } from './history.ts';
import type { MigrationSource } from './migrations.ts';

const FILE = /^([VUR])(.*?)__(.*)\.(sql|java|kt)$/;
const JAVA = 'It is written in Java, so that its SQL is not known.';

/**
 * Files `V<version>__<description>.sql` in order of the version's numbers, then the repeatable `R__<description>.sql` in
 * order of their descriptions; `U<version>__` takes back, `<file>.conf` may turn the transaction and placeholders off
 * (https://documentation.red-gate.com/flyway/flyway-concepts/migrations). The table keeps the CRC32 of the lines.
 */
export function flyway(): MigrationSource {
  return {
    format: 'flyway',
    tool: 'Flyway',
    history: historyTable({
      table: 'flyway_schema_history',
      column: 'version',
      columns: ['version', 'description', 'type', 'script', 'checksum', 'success'],
      order: ['installed_rank'],
      takeOut: 'row',
      read,
    }),
    recognises: (files) => files.some(({ path }) => /(?:^|\/)(?:V\d[\d._]*|R)__[^/]*\.sql$/.test(path)),
    parse(files, folder) {
      const all = filesIn(files, folder);
      const withSetting = (setting: RegExp) =>
        new Set(all.filter((file) => setting.test(file.content)).map(({ path }) => path));
      const outside = withSetting(/^\s*executeInTransaction\s*=\s*false\s*$/im);
      const asTheyAre = withSetting(/^\s*placeholderReplacement\s*=\s*false\s*$/im);
      const fill = placeholders(files);
      const filled = (path: string, content: string) =>
        asTheyAre.has(`${path}.conf`) ? content : fill(content);
      const undo = new Map<string, string>();
      const migrations: Migration[] = [];
      for (const { base, path, content } of all) {
        const [, prefix, number = '', description = '', extension] = FILE.exec(base) ?? [];
        // What is not named as it should be, Flyway leaves out.
        if (prefix === undefined || (prefix === 'R') !== (number === '')) continue;
        const version = number.replaceAll('_', '.');
        if (prefix !== 'R' && !/^\d+(?:\.\d+)*$/.test(version)) continue;
        if (prefix === 'U') {
          undo.set(canonical(version), filled(path, content));
          continue;
        }
        const name = description.replaceAll('_', ' ');
        migrations.push({
          version: prefix === 'R' ? repeatable(name) : version,
          name,
          file: path,
          ...(extension === 'sql' ? { up: filled(path, content) } : { up: '', opaque: JAVA }),
          down: undefined,
          ...(outside.has(`${path}.conf`) ? { transaction: false } : {}),
          ...(prefix === 'R' ? { repeatable: true } : {}),
          ...(extension === 'sql' ? checksumsOf(content, prefix === 'R') : {}),
        });
      }
      refuseDoubles(
        migrations.map((migration) => ({ ...migration, version: canonical(migration.version) })),
        'Flyway',
      );
      return migrations.sort(compare).map((migration) => ({
        ...migration,
        down: unlessEmpty(undo.get(canonical(migration.version))),
      }));
    },
  };
}

function read(rows: readonly HistoryRow[], known: readonly Migration[]): HistoryEntry[] {
  const names = new Map(known.map(({ version }) => [canonical(version), version]));
  const last = new Map<string, HistoryEntry>();
  for (const row of rows) {
    const type = textAlways(row, 'type');
    const number = text(row, 'version');
    const key = number === undefined ? repeatable(textAlways(row, 'description')) : canonical(number);
    const version = names.get(key) ?? (number === undefined ? key : number);
    const success = isTrue(row, 'success');
    if (type === 'SCHEMA') continue;
    if (/BASELINE$/.test(type)) {
      for (const migration of known.filter(
        (one) => !isRepeatable(one.version) && !isAbove(one.version, version),
      )) {
        last.set(canonical(migration.version), { version: migration.version, state: 'applied' });
      }
      // What it stands for is applied; the row itself is no migration.
      continue;
    }
    last.delete(key);
    if (type === 'DELETE') continue;
    const checksum = text(row, 'checksum');
    if (type.startsWith('UNDO')) last.set(key, { version, state: success ? 'rolled-back' : 'failed' });
    else last.set(key, { version, state: success ? 'applied' : 'failed', ...(checksum ? { checksum } : {}) });
  }
  return [...last.values()];
}

function repeatable(description: string): string {
  return `R__${description.replaceAll(' ', '_')}`;
}

function isRepeatable(version: string): boolean {
  return version.startsWith('R__');
}

/** `1`, `1.0` and `01` are one version. */
function canonical(version: string): string {
  if (!/^\d+(?:\.\d+)*$/.test(version)) return version;
  const parts = version.split('.').map((part) => String(BigInt(part)));
  while (parts.length > 1 && parts.at(-1) === '0') parts.pop();
  return parts.join('.');
}

function isAbove(version: string, other: string): boolean {
  const [a, b] = [version.split('.').map(BigInt), other.split('.').map(BigInt)];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i] ?? 0n, b[i] ?? 0n];
    if (x !== y) return x > y;
  }
  return false;
}

function compare(a: Migration, b: Migration): number {
  const [x, y] = [isRepeatable(a.version), isRepeatable(b.version)];
  if (x || y) return x && y ? compareText(a.name, b.name) : x ? 1 : -1;
  return isAbove(a.version, b.version) ? 1 : isAbove(b.version, a.version) ? -1 : 0;
}

/** Line ends are left out. Of a repeatable one the placeholders are filled in first, which can't be done here. */
function checksumsOf(content: string, repeats: boolean): Pick<Migration, 'checksums'> {
  if (repeats && content.includes('${')) return {};
  return { checksums: [String(crc32(content.replace(/^\ufeff/, '').replace(/[\r\n]/g, '')) | 0)] };
}
