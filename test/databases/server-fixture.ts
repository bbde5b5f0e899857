import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database, HistoryTable } from '../../src/adapters/database/database.ts';
import type { ServerAddress } from '../../src/adapters/database/server-address.ts';
import type { DatabaseServer } from './server.ts';

interface Options {
  label: string;
  history: HistoryTable;
  backupFolder: string;
  keep: number;
  address(): Promise<ServerAddress>;
}

export interface FixtureKind {
  /** Makes the adapter. */
  adapter(options: Options): Database;
  quoted(name: string): string;
  /** Runs a statement as the user who may do everything, in no database of the fixture. */
  admin(sql: string): Promise<unknown>;
  /** Names of all databases that are not the server's own. */
  databases(): Promise<string[]>;
}

/** What a database of its own on a server is, whatever the engine. */
export async function onServer(server: DatabaseServer, name: string, kind: FixtureKind) {
  const folder = await mkdtemp(join(tmpdir(), `rda-${server.url('').split(':')[0]}-`));
  const backupFolder = join(folder, 'backups');
  const { host, port, user, password } = server;
  const address: ServerAddress = { host, port, user, password, database: name, tls: 'prefer' };
  const plainOptions = {
    label: `127.0.0.1/${name}`,
    history: { table: 'schema_migrations', column: 'version' },
    backupFolder,
    keep: 2,
  };
  const as = (other: Partial<ServerAddress>) =>
    kind.adapter({ ...plainOptions, address: async () => ({ ...address, ...other }) });
  const places = async () => (await kind.databases()).filter((database) => database !== name);
  return {
    server,
    plainOptions,
    address,
    as,
    database: as({}),
    backupFolder,
    place: (place: string) => place,
    places,
    async occupy(into: string) {
      await kind.admin(`CREATE DATABASE ${kind.quoted(into)}`);
    },
    /** @param drop The statement that drops a database whoever uses it, and is no error where there is none. */
    async end(drop: (quoted: string) => string, roles: string) {
      for (const database of [name, ...(await places())]) await kind.admin(drop(kind.quoted(database)));
      for (const role of ['clerk', 'deployer']) await kind.admin(`DROP ${roles} IF EXISTS ${role}`);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
