import { isAbsolute, join } from 'node:path';
import type { Database } from './database.ts';
import { sqliteDatabase } from './sqlite.ts';

/** What of a service's configuration the factories need; `ServiceConfiguration` fits. */
export interface DatabaseConfiguration {
  database?: { kind: 'sqlite'; path: string } | undefined;
  backup: { path: string; keep: number };
}

export interface DatabaseContext {
  configuration: DatabaseConfiguration;
  /** Folder of rollback.yaml; relative paths are meant from there. */
  configFolder: string;
  stateDir: string;
  /** `MigrationSource.history` of the configured format. */
  history: { table: string; column: string };
}

/** Databases by `database.kind`. */
export const databases: Record<'sqlite', (context: DatabaseContext) => Database> = {
  sqlite({ configuration, configFolder, history }) {
    const { database, backup } = configuration;
    if (!database) throw new TypeError('No database is configured.');
    const absolute = (path: string) => (isAbsolute(path) ? path : join(configFolder, path));
    return sqliteDatabase({
      path: absolute(database.path),
      label: database.path,
      history,
      backupFolder: absolute(backup.path),
      keep: backup.keep,
    });
  },
};
