import { createHash } from 'node:crypto';
import type { HistoryEntry } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import { compareText, type FolderFile, linesOf, refuseDoubles, topLevel } from './files.ts';
import { historyTable, text, textAlways, upTo } from './history.ts';
import type { FolderProblem, MigrationFile, MigrationSource } from './migrations.ts';

const BASELINE = 1;
const REHASH = 'Look at what was changed by hand, then run: atlas migrate hash';

/**
 * Files `<version>_<name>.sql` in order of their names, guarded by `atlas.sum`
 * (https://atlasgo.io/concepts/migration-directory-integrity). There are no downs. `-- atlas:txmode none` at the top turns
 * the transaction off, `-- atlas:delimiter` changes what ends a statement, checkpoints are for empty databases only.
 */
export function atlas(): MigrationSource {
  return {
    format: 'atlas',
    tool: 'Atlas',
    history: historyTable({
      table: 'atlas_schema_revisions',
      schema: { postgresql: 'atlas_schema_revisions', mysql: 'atlas_schema_revisions' },
      column: 'version',
      columns: ['version', 'type', 'applied', 'total', 'error', 'hash'],
      order: ['executed_at', 'version'],
      read: (rows, known) =>
        rows.flatMap((row): HistoryEntry[] => {
          const version = textAlways(row, 'version');
          // Atlas keeps an identifier of its own among the revisions.
          if (version.startsWith('.')) return [];
          if (Number(textAlways(row, 'type')) === BASELINE) return upTo(version, known, compareText);
          const whole = textAlways(row, 'applied') === textAlways(row, 'total') && !text(row, 'error');
          const checksum = text(row, 'hash');
          return [{ version, state: whole ? 'applied' : 'failed', ...(checksum ? { checksum } : {}) }];
        }),
    }),
    recognises: (files) => files.some(({ path }) => /(?:^|\/)atlas\.sum$/.test(path)),
    parse(files, folder) {
      const scripts = scriptsIn(files, folder);
      const sums = new Map(sumsOf(scripts).map(({ name, sum }) => [name, sum]));
      const migrations = scripts.flatMap((file): Migration[] => {
        const directives = directivesOf(file.content);
        if (directives.has('checkpoint')) return [];
        const stem = file.base.replace(/\.sql$/, '');
        const [version = ''] = stem.split('_');
        const sum = sums.get(file.base);
        const delimiter = directives.get('delimiter');
        return [
          {
            version,
            name: stem.slice(version.length + 1),
            file: file.path,
            up: delimiter ? withSemicolons(file.content, delimiter) : file.content,
            down: undefined,
            ...(directives.get('txmode') === 'none' ? { transaction: false } : {}),
            ...(sum ? { checksums: [sum] } : {}),
          },
        ];
      });
      refuseDoubles(migrations, 'Atlas');
      return migrations;
    },
    problems,
  };
}

function scriptsIn(files: readonly MigrationFile[], folder: string | undefined): FolderFile[] {
  return topLevel(files, folder)
    .filter(({ base }) => base.endsWith('.sql'))
    .sort((a, b) => compareText(a.base, b.base));
}

/** Each file's hash goes over all files before it, so that adding one in between shows. */
function sumsOf(scripts: readonly FolderFile[]): { name: string; sum: string }[] {
  const hash = createHash('sha256');
  return scripts.flatMap(({ base, content }) => {
    hash.update(base);
    if (/^[ -~]*atlas:sum +ignore/.test(content)) return [];
    hash.update(content);
    return [{ name: base, sum: hash.copy().digest('base64') }];
  });
}

/** What `atlas.sum` says against the files, as `atlas migrate validate` does. */
function problems(files: readonly MigrationFile[], folder?: string): FolderProblem[] {
  const file = topLevel(files, folder).find(({ base }) => base === 'atlas.sum');
  const scripts = scriptsIn(files, folder);
  if (!file) {
    const [first] = scripts;
    if (!first) return [];
    return [
      {
        file: first.path,
        line: 1,
        why: 'There is no atlas.sum, and Atlas does not run without one.',
        fix: REHASH,
      },
    ];
  }
  const problem = (line: number, why: string) => [{ file: file.path, line, why, fix: REHASH }];
  const [total = '', ...rest] = linesOf(file.content);
  const stored = rest.filter((line) => line !== '').map((line) => /^(.*\S)\s+h1:(.*)$/.exec(line));
  const broken = stored.indexOf(null);
  if (broken !== -1) return problem(broken + 2, 'The line is not a file name and its hash.');
  const entries = stored.map((match) => ({ name: match?.[1] as string, sum: match?.[2] as string }));
  if (total !== `h1:${totalOf(entries)}`)
    return problem(1, 'The hash of the whole file is not that of its lines.');
  const real = sumsOf(scripts);
  for (const [i, { name, sum }] of entries.entries()) {
    const at = real[i];
    if (at?.name === name && at.sum === sum) continue;
    if (!real.some((one) => one.name === name))
      return problem(i + 2, `${name} is listed, and is not there any more.`);
    if (at?.name !== name)
      return problem(i + 2, `${at?.name ?? name} was added before files that are listed.`);
    return problem(i + 2, `${name} was changed after it was listed.`);
  }
  const added = real[entries.length];
  return added ? problem(entries.length + 1, `${added.name} is not listed.`) : [];
}

function totalOf(entries: { name: string; sum: string }[]): string {
  const hash = createHash('sha256');
  for (const { name, sum } of entries) hash.update(name).update(sum);
  return hash.digest('base64');
}

/** Directives of the comments at the top that an empty line parts from the statements. */
function directivesOf(content: string): Map<string, string> {
  const lines = linesOf(content);
  const end = lines.findIndex((line) => !/^(?:#|--)/.test(line));
  const top = end === -1 ? lines : lines.slice(0, end);
  if (end !== -1 && lines[end]?.trim() !== '') return new Map();
  return new Map(
    top.flatMap((line): [string, string][] => {
      const match = /^[ -~]*?atlas:(\w+)(?: +([ -~]*))?$/.exec(line.trim());
      return match ? [[match[1] as string, match[2] ?? '']] : [];
    }),
  );
}

function withSemicolons(content: string, written: string): string {
  const delimiter = written.replaceAll('\\n', '\n').replaceAll('\\r', '\r').replaceAll('\\t', '\t');
  const from = content.indexOf('\n') + 1;
  // Line breaks of a delimiter stay, so that lines keep their numbers.
  const instead = `;${'\n'.repeat(delimiter.split('\n').length - 1)}`;
  return content.slice(0, from) + content.slice(from).replaceAll(delimiter, instead);
}
