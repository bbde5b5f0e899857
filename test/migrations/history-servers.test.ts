import Libsql from 'libsql';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detectTools } from '../../src/adapters/migrations/detect.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import type { MigrationHistory } from '../../src/adapters/migrations/migrations.ts';
import { type Engine, MIGRATION_FORMATS } from '../../src/model/migration-formats.ts';
import { appliedVersions, type HistoryRow, type TableColumns } from '../../src/model/migration-history.ts';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { DatabaseServer } from '../databases/server.ts';
import { historyTables } from './history-tables.ts';

/** An empty database of that engine. */
interface Place {
  run(sql: string): Promise<HistoryRow[]>;
  /** All tables that are not the engine's own. */
  tables(): Promise<TableColumns[]>;
  end(): Promise<void>;
}

describe.skipIf(!HAS_POSTGRESQL)('PostgreSQL', () => {
  onServer('postgresql', startPostgresql, async (server) => {
    const client = new pg.Client({ connectionString: server.url('postgres') });
    await client.connect();
    const run = async (sql: string) => (await client.query(sql)).rows as HistoryRow[];
    return { run, tables: () => catalog(run, "'pg_catalog', 'information_schema'"), end: () => client.end() };
  });
});

describe.skipIf(!HAS_MARIADB)('MariaDB', () => {
  onServer('mysql', startMariadb, async ({ host, port, user, password }) => {
    const connection = await mysql.createConnection({ host, port, user, password });
    await connection.query('CREATE DATABASE app');
    await connection.query('USE app');
    const run = async (sql: string) => (await connection.query(sql))[0] as HistoryRow[];
    const own = "'mysql', 'sys', 'information_schema', 'performance_schema'";
    return { run, tables: () => catalog(run, own), end: () => connection.end() };
  });
});

describe('SQLite', () => {
  onPlace('sqlite', async () => {
    const db = new Libsql(':memory:');
    const run = async (sql: string) => {
      if (!sql.startsWith('SELECT')) db.exec(sql);
      return sql.startsWith('SELECT') ? (db.prepare(sql).all() as HistoryRow[]) : [];
    };
    return {
      run,
      async tables() {
        const rows = await run(
          "SELECT m.name AS t, c.name AS c, c.type AS y FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'",
        );
        return grouped(rows.map(({ t, c, y }) => [undefined, String(t), String(c), String(y)]));
      },
      async end() {
        db.close();
      },
    };
  });
});

function onServer(
  engine: Engine,
  start: () => Promise<DatabaseServer>,
  connect: (server: DatabaseServer) => Promise<Place>,
): void {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());
  onPlace(engine, () => connect(server));
}

function onPlace(engine: Engine, open: () => Promise<Place>): void {
  let place: Place;
  beforeAll(async () => {
    place = await open();
  });
  afterAll(() => place?.end());

  const tables = historyTables(engine);
  test('there is a history of every tool', () => {
    expect(tables.map(({ format }) => format).sort()).toEqual([...MIGRATION_FORMATS]);
  });

  test.each(tables)(
    '$format: the table is found, and says what is in it',
    async ({ format, schema, sql, says }) => {
      const { history } = migrationSources[format]();
      const create = engine === 'mysql' ? 'DATABASE' : 'SCHEMA';
      if (schema) await place.run(`CREATE ${create} ${schema}`);
      if (format === 'rails') await place.run('CREATE TABLE ar_internal_metadata (k varchar(9))');
      for (const statement of sql) await place.run(statement);
      const found = detectTools(await place.tables());
      expect(found.map((one) => one.format)).toEqual([format]);
      for (const at of [undefined, found[0]?.at]) {
        const entries = history.read(await place.run(history.query(engine, at)), []);
        const said = entries.map(({ version, state, checksum }) =>
          [version, ...(state === 'applied' ? [] : [state]), ...(checksum ? [checksum] : [])].join(' '),
        );
        expect(said).toEqual(says);
      }
      if (history.takeOut) await takesOut(place, history, engine);
      const [table = ''] = /(?<=CREATE TABLE )\S+/.exec(sql[0] as string) ?? [];
      await place.run(`DROP TABLE ${table}`);
      if (format === 'rails') await place.run('DROP TABLE ar_internal_metadata');
      if (schema) await place.run(`DROP ${create} ${schema}`);
    },
  );
}

/** The newest applied migration is taken out as the tool itself would, and the others stay. */
async function takesOut(place: Place, history: MigrationHistory, engine: Engine): Promise<void> {
  const off = engine === 'postgresql' ? 'false' : '0';
  // A tool that keeps only where it stands, and had failed there.
  if (
    history.column === 'version' &&
    history.table === 'schema_migrations' &&
    (await place.run(history.query(engine)))[0]?.dirty !== undefined
  )
    await place.run(`UPDATE schema_migrations SET dirty = ${off}`);
  const known = ['20250101000000', '20260101000000'].map((version) => ({
    version,
    name: '',
    file: '',
    up: '',
    down: undefined,
  }));
  const applied = async () =>
    appliedVersions(history.read(await place.run(history.query(engine)), known)).filter(
      (version) => !version.startsWith('R__'),
    );
  for (let before = await applied(); before.length > 0; before = before.slice(0, -1)) {
    const sql = history.takeOut?.(before.at(-1) as string, before.at(-2), engine) ?? '';
    for (const statement of sql.split('; ')) await place.run(statement);
    expect(await applied()).toEqual(before.slice(0, -1));
  }
}

async function catalog(run: Place['run'], own: string): Promise<TableColumns[]> {
  const rows = await run(
    `SELECT table_schema AS s, table_name AS t, column_name AS c, data_type AS y FROM information_schema.columns WHERE table_schema NOT IN (${own})`,
  );
  return grouped(rows.map(({ s, t, c, y }) => [String(s), String(t), String(c), String(y)]));
}

function grouped(
  rows: [schema: string | undefined, table: string, column: string, type: string][],
): TableColumns[] {
  const tables = new Map<string, TableColumns>();
  for (const [schema, name, column, type] of rows) {
    const key = `${schema}.${name}`;
    const table = tables.get(key) ?? { ...(schema ? { schema } : {}), name, columns: [] };
    tables.set(key, table);
    table.columns.push({ name: column, type });
  }
  return [...tables.values()];
}
