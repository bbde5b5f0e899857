import { resolve } from 'node:path';
import type { DatabaseConfiguration } from '../adapters/database/index.ts';
import type { SecretAccess } from '../adapters/database/server-address.ts';
import { secretOf } from '../adapters/database/server-address.ts';
import { EXIT, RollbackError } from '../model/error.ts';

type Configured = NonNullable<DatabaseConfiguration['database']>;

const SERVER = /^(postgres|postgresql|mysql|mariadb):\/\//;

/**
 * The database that `--database` names: a URL, `env:VARIABLE` or `file:PATH` that hold one, or the path of an SQLite file,
 * also as `sqlite:PATH`.
 * @throws RollbackError `SECRET_MISSING`, `USAGE` (exit 2) where it holds a password: arguments are seen by everybody on the machine
 */
export async function databaseArgument(text: string, cwd: string): Promise<Configured> {
  const source = /^(env|file):(.+)$/.exec(text);
  if (source) {
    const from = source[1] === 'env' ? { env: source[2] as string } : { file: source[2] as string };
    const scheme = SERVER.exec(await secretOf(from, accessFrom(cwd)))?.[1];
    if (scheme === undefined) throw notAUrl(text);
    return { kind: kindOf(scheme), url: from };
  }
  const scheme = SERVER.exec(text)?.[1];
  if (scheme === undefined) {
    if (/^\w+:\/\//.test(text)) throw notAUrl(text.replace(/:.*/, ''));
    return { kind: 'sqlite', path: text.replace(/^sqlite:/, '') };
  }
  if (/^[a-z]+:\/\/[^/@]*:[^/]*@/.test(text) || /[?&]password=/i.test(text))
    throw withPassword(kindOf(scheme));
  return { kind: kindOf(scheme), url: text };
}

/** What is in the cluster is named in the configuration alone. */
export function accessFrom(cwd: string): SecretAccess {
  return {
    absolute: (path) => resolve(cwd, path),
    secretKey: async () => {
      throw new TypeError('A Secret of the cluster is never an argument.');
    },
  };
}

function kindOf(scheme: string): 'postgresql' | 'mysql' {
  return scheme.startsWith('postgres') ? 'postgresql' : 'mysql';
}

function withPassword(kind: 'postgresql' | 'mysql'): RollbackError {
  const own =
    kind === 'postgresql'
      ? 'Leave it out, and set PGPASSWORD or write it to ~/.pgpass'
      : 'Leave it out, and set MYSQL_PWD';
  return new RollbackError({
    code: 'USAGE',
    summary: '--database holds a password',
    detail: 'Arguments are seen by everybody on the machine, and kept in the history of the shell.',
    fix: `${own}; or name where the URL is: --database env:DATABASE_URL, --database file:PATH`,
    exit: EXIT.usage,
  });
}

function notAUrl(what: string): RollbackError {
  return new RollbackError({
    code: 'USAGE',
    summary: `--database ${what} is no database that is known`,
    detail:
      'It is a URL of postgresql or mysql, env:VARIABLE or file:PATH that hold one, or the path of an SQLite file.',
    fix: 'Write e.g.: --database postgresql://deployer@db.internal/shop',
    exit: EXIT.usage,
  });
}
