import { createHash } from 'node:crypto';
import type { Engine } from '../../model/migration-formats.ts';
import type { Migration } from '../../model/release.ts';
import { filesIn, linesOf, unlessEmpty, unreadable } from './files.ts';
import { historyTable, text, textAlways } from './history.ts';
import type { MigrationFile, MigrationSource } from './migrations.ts';

const PLAN = /(?:^|\/)sqitch\.plan$/;
const CHANGE =
  /^\s*([+-]?)\s*([^\s@:#\\[\]+-][^\s@:#\\]*)\s*(?:\[([^\]]*)\]\s*)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\s+([^<]*\S)\s+<([^>]+)>\s*(?:#\s*(.*))?$/;
const ENGINES: Record<string, Engine> = {
  pg: 'postgresql',
  cockroach: 'postgresql',
  mysql: 'mysql',
  sqlite: 'sqlite',
};

/**
 * `sqitch.plan` names the changes in their order; each has `deploy/<name>.sql` and `revert/<name>.sql`, and where it was
 * reworked later, `<name>@<tag>.sql` (https://sqitch.org/docs/manual/sqitchtutorial/). A change is known by the SHA-1 that
 * the tool makes of its line and all before it; the table also keeps the SHA-1 of the deploy script. For SQLite the tool
 * keeps its tables in a file of their own.
 */
export function sqitch(): MigrationSource {
  return {
    format: 'sqitch',
    tool: 'Sqitch',
    history: historyTable({
      table: 'changes',
      schema: { postgresql: 'sqitch', mysql: 'sqitch' },
      column: 'change_id',
      columns: ['change_id', 'script_hash', 'change', 'project'],
      order: ['committed_at'],
      fits: (columns) => ['change_id', 'change', 'project', 'planned_at'].every((name) => columns.has(name)),
      read: (rows, known) => {
        const ids = new Set(known.map(({ version }) => version));
        const own = rows.find((row) => ids.has(textAlways(row, 'change_id')));
        const project = own && text(own, 'project');
        return rows
          .filter((row) => project === undefined || text(row, 'project') === project)
          .map((row) => {
            const checksum = text(row, 'script_hash');
            return {
              version: textAlways(row, 'change_id'),
              state: 'applied' as const,
              ...(checksum ? { checksum } : {}),
            };
          });
      },
    }),
    recognises: (files) => files.some(({ path }) => PLAN.test(path)),
    parse(files, folder) {
      const inside = filesIn(files, folder);
      const plan = inside.find(({ path }) => PLAN.test(path));
      if (!plan) return [];
      const root = plan.path.replace(/sqitch\.plan$/, '');
      const script = (kind: string, name: string) =>
        inside.find(({ path }) => path === `${root}${kind}/${name}.sql`);
      return read(plan).map(({ id, name, tags }): Migration => {
        // Sqitch takes the first of the tags for which there is a file.
        const names = tags.length > 0 ? tags.map((tag) => `${name}@${tag}`) : [name];
        const called = names.find((one) => script('deploy', one)) ?? (names[0] as string);
        const deploy = script('deploy', called);
        const path = deploy?.path ?? `${root}deploy/${called}.sql`;
        if (!deploy)
          throw unreadable('Sqitch', path, 0, `sqitch.plan names ${name}, and the file is not there.`);
        return {
          version: id,
          name: called,
          file: path,
          up: deploy.content,
          down: unlessEmpty(script('revert', called)?.content),
          checksums: [createHash('sha1').update(deploy.content).digest('hex')],
        };
      });
    },
    engine: (files) => {
      const named = files.map(({ path, content }) =>
        /\/?deploy\/[^/]+\.sql$/.test(path) ? /^-- Deploy \S+ to (\w+)/m.exec(content)?.[1] : undefined,
      );
      return ENGINES[named.find((name) => name !== undefined) ?? ''];
    },
  };
}

interface Change {
  id: string;
  name: string;
  /** Those since it was planned and before it was planned anew; empty where it was not. */
  tags: string[];
}

function read(plan: MigrationFile): Change[] {
  const lines = linesOf(plan.content);
  const pragma = (name: string) =>
    lines.flatMap((line) => new RegExp(`^\\s*%\\s*${name}\\s*=\\s*(.*\\S)\\s*$`).exec(line)?.[1] ?? [])[0];
  const project = pragma('project');
  if (!project) throw unreadable('Sqitch', plan.path, 0, 'There is no "%project" line.');
  const uri = pragma('uri');
  const changes: (Change & { since: number })[] = [];
  const tags: string[] = [];
  for (const [index, line] of lines.entries()) {
    const said = line.trim();
    if (said === '' || said.startsWith('#') || said.startsWith('%')) continue;
    const tag = /^@([^\s#]+)/.exec(said)?.[1];
    if (tag !== undefined) {
      tags.push(tag);
      continue;
    }
    const match = CHANGE.exec(line);
    if (!match) throw unreadable('Sqitch', plan.path, index, 'It is not a change with its date and planner.');
    const [, operator, name = '', wants = '', date, planner, email, note] = match;
    if (operator === '-')
      throw unreadable('Sqitch', plan.path, index, 'Changes that revert others are not known.');
    const before = changes.findLast((change) => change.name === name);
    if (before) {
      before.tags = tags.slice(before.since);
      if (before.tags.length === 0)
        throw unreadable('Sqitch', plan.path, index, `${name} is planned already.`);
    }
    const wanted = wants
      .split(/\s+/)
      .filter((one) => one !== '')
      .map((one) => one.replace(`${project}:`, ''));
    const listed = (title: string, mark: string, names: string[]) =>
      names.length > 0 ? [`${title}\n  ${mark} ${names.join(`\n  ${mark} `)}`] : [];
    const info = [
      `project ${project}`,
      ...(uri ? [`uri ${uri}`] : []),
      `change ${name}`,
      ...(changes.length > 0 ? [`parent ${changes.at(-1)?.id}`] : []),
      `planner ${planner} <${email}>`,
      `date ${date}`,
      ...listed(
        'requires',
        '+',
        wanted.filter((one) => !one.startsWith('!')),
      ),
      ...listed(
        'conflicts',
        '-',
        wanted.filter((one) => one.startsWith('!')).map((one) => one.slice(1)),
      ),
      ...(note?.trim() ? ['', unescaped(note.trim())] : []),
    ].join('\n');
    const id = createHash('sha1')
      .update(`change ${Buffer.byteLength(info)}\0${info}`)
      .digest('hex');
    changes.push({ id, name, tags: [], since: tags.length });
  }
  return changes;
}

function unescaped(note: string): string {
  return note.replaceAll(/\\([\\nr])/g, (_, mark) => ({ n: '\n', r: '\r' })[mark as 'n'] ?? '\\');
}
