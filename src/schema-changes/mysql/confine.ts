import type { Confinement, ReadStatement } from '../dialect.ts';
import { withoutComments } from './split.ts';
import { NAME } from './text.ts';

const start = (pattern: string) => new RegExp(`^(?:${pattern})\\b`, 'i');

const DATABASES = 'other databases';
const USERS = 'users and roles, which all databases of the server share';
const SERVER = 'the settings or storage of the server';

const REACHING: [RegExp, string][] = [
  [start('use'), DATABASES],
  [start('(?:create|alter|drop)\\s+(?:or\\s+replace\\s+)?(?:database|schema)'), DATABASES],
  [start('(?:create|alter|drop|rename)\\s+(?:or\\s+replace\\s+)?(?:user|role)'), USERS],
  [start('set\\s+(?:password|role|default\\s+role)'), USERS],
  [
    start(
      '(?:create|alter|drop)\\s+(?:or\\s+replace\\s+)?(?:undo\\s+)?(?:server|tablespace|logfile|instance|resource)',
    ),
    SERVER,
  ],
  [start('set\\s+[\\s\\S]*?(?:\\bglobal|\\bpersist(?:_only)?|@@global|@@persist(?:_only)?)'), SERVER],
  [
    start(
      '(?:install|uninstall|kill|shutdown|restart|reset|purge|change|start\\s+(?:slave|replica|group_replication|all)|stop|binlog|clone|import|cache|backup|lock\\s+instance|handler|help)',
    ),
    SERVER,
  ],
  [start('flush\\s+(?!(?:local\\s+)?tables?\\b)'), SERVER],
  [start('load\\s+(?:data|xml|index)'), 'files of the server'],
];

/** Rights and upkeep: nothing that a catalog is compared by. */
const LEFT_OUT = start(
  '(?:grant|revoke)\\b[\\s\\S]*\\bon|flush|analyze|optimize|check|checksum|repair|(?:create|alter|drop)\\s+(?:or\\s+replace\\s+)?(?:definer\\s*=\\s*\\S+\\s+)?event',
);

const INTO_FILE = /\binto\s+(?:outfile|dumpfile)\b|\bload_file\s*\(/i;
/** `database.table` where a table, view or routine is named. */
const ELSEWHERE = new RegExp(
  `\\b(?:from|join|into|update|tables?|view|references|truncate|like|procedure|function|trigger|call|exists|to)\\s+(${NAME})\\s*\\.\\s*${NAME}`,
  'gi',
);

/** What to do with a statement in a replay. */
export function confine({ text, operations }: ReadStatement): Confinement {
  const bare = withoutComments(text).trim();
  const found = REACHING.find(([pattern]) => pattern.test(bare));
  if (found) return { reaches: found[1] };
  if (LEFT_OUT.test(bare)) return 'leave-out';
  if (/^(?:grant|revoke)\b/i.test(bare)) return { reaches: USERS };
  const plain = bare.replace(/'(?:[^'\\]|\\[\s\S]|'')*'/g, "''");
  if (INTO_FILE.test(plain)) return { reaches: 'files of the server' };
  const names = operations.flatMap((operation) =>
    [
      ...('name' in operation ? [operation.name] : []),
      ...('table' in operation ? [operation.table] : []),
    ].filter((name) => typeof name === 'string' && name.includes('.')),
  );
  const qualified = [...plain.matchAll(ELSEWHERE)].map((match) => (match[1] as string).replace(/[`"]/g, ''));
  const other = [...names.map((name) => String(name).split('.')[0] as string), ...qualified].find(
    (database) => !/^information_schema$/i.test(database),
  );
  return other === undefined ? 'run' : { reaches: `the database ${other} by its name` };
}
