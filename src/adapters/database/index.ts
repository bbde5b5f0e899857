import { isAbsolute, join } from 'node:path';
import type { LitestreamSource, PgbackrestSource, RestorePointSource } from '../../model/restore-point.ts';
import type { Database, HistoryTable } from './database.ts';
import { mysqlDatabase } from './mysql.ts';
import { postgresqlDatabase } from './postgresql.ts';
import type { SecretAccess, ServerConfiguration } from './server-address.ts';
import { addressOf, labelOf } from './server-address.ts';
import { sqliteDatabase } from './sqlite.ts';

/** What of a service's configuration the factories need; `ServiceConfiguration` fits. */
export interface DatabaseConfiguration {
  database?:
    | { kind: 'sqlite'; path: string }
    | ({ kind: 'postgresql' } & ServerConfiguration)
    | ({ kind: 'mysql' } & ServerConfiguration)
    | undefined;
  backup: { path: string; keep: number; restorePoint?: RestorePointSource | undefined };
}

type Kind = NonNullable<DatabaseConfiguration['database']>['kind'];

export interface DatabaseContext {
  configuration: DatabaseConfiguration;
  /** Folder of rollback.yaml; relative paths are meant from there. */
  configFolder: string;
  stateDir: string;
  /** Reads a key of a Secret in the cluster. */
  secretKey: SecretAccess['secretKey'];
  /** `MigrationSource.history` of the configured format. */
  history: HistoryTable;
}

/** Databases by `database.kind`. */
export const databases: Record<Kind, (context: DatabaseContext) => Database> = {
  sqlite(context) {
    const { path } = configured(context, 'sqlite');
    const restorePoint = restorePointOf(context, 'litestream');
    return sqliteDatabase({ path: absolute(context, path), label: path, restorePoint, ...shared(context) });
  },
  postgresql(context) {
    const restorePoint = restorePointOf(context, 'pgbackrest');
    return postgresqlDatabase({ ...server(context, configured(context, 'postgresql')), restorePoint });
  },
  mysql: (context) => mysqlDatabase(server(context, configured(context, 'mysql'))),
};

function server(context: DatabaseContext, configuration: ServerConfiguration) {
  return {
    label: labelOf(configuration),
    address: () =>
      addressOf(configuration, {
        absolute: (path) => absolute(context, path),
        secretKey: context.secretKey,
      }),
    ...shared(context),
  };
}

function shared(context: DatabaseContext) {
  const { path, keep } = context.configuration.backup;
  return { history: context.history, backupFolder: absolute(context, path), keep };
}

function configured<K extends Kind>({ configuration: { database } }: DatabaseContext, kind: K) {
  if (database?.kind !== kind) throw new TypeError(`No ${kind} database is configured.`);
  return database as Extract<NonNullable<DatabaseConfiguration['database']>, { kind: K }>;
}

/** As configured, where it is of that kind. */
function restorePointOf(context: DatabaseContext, kind: 'pgbackrest'): PgbackrestSource | undefined;
function restorePointOf(context: DatabaseContext, kind: 'litestream'): LitestreamSource | undefined;
function restorePointOf(
  context: DatabaseContext,
  kind: RestorePointSource['kind'],
): RestorePointSource | undefined {
  const source = context.configuration.backup.restorePoint;
  if (source?.kind !== kind) return undefined;
  const paths = Object.entries(source).filter(([key]) => key === 'config' || key === 'socket');
  const made = paths.map(([key, path]) => [key, path === undefined ? path : absolute(context, path)]);
  return { ...source, ...Object.fromEntries(made) };
}

function absolute({ configFolder }: DatabaseContext, path: string): string {
  return isAbsolute(path) ? path : join(configFolder, path);
}
