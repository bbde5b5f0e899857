import type { Engine, MigrationFormat } from '../../src/model/migration-formats.ts';

type Types = Record<'text' | 'bool' | 'big' | 'bytes' | 'time', string>;

const TYPES: Record<Engine, Types> = {
  postgresql: { text: 'text', bool: 'boolean', big: 'bigint', bytes: 'bytea', time: 'timestamptz' },
  mysql: {
    text: 'varchar(255)',
    bool: 'tinyint(1)',
    big: 'bigint',
    bytes: 'blob',
    time: 'timestamp(6) NULL',
  },
  sqlite: { text: 'text', bool: 'boolean', big: 'bigint', bytes: 'blob', time: 'datetime' },
};

export interface HistoryTable {
  format: MigrationFormat;
  /** The schema or database that must be there first. */
  schema: string | undefined;
  /** Statements that make the table as the tool does, and fill it. */
  sql: string[];
  /** What it says then. */
  says: string[];
}

/** The history tables of all tools, with the columns and types that each gives them in that engine. */
export function historyTables(engine: Engine): HistoryTable[] {
  const { text, bool, big, bytes, time } = TYPES[engine];
  const q = (name: string) => (engine === 'mysql' ? `\`${name}\`` : `"${name}"`);
  const [yes, no] = engine === 'postgresql' ? ['true', 'false'] : ['1', '0'];
  const hex = (digits: string) => (engine === 'postgresql' ? `'\\x${digits}'` : `x'${digits}'`);
  const own = (schema: string) => (engine === 'sqlite' ? undefined : schema);
  const made = (
    format: MigrationFormat,
    name: string,
    columns: string,
    rows: string[],
    says: string[],
    schema?: string,
  ): HistoryTable => {
    const table = schema ? `${q(schema)}.${q(name)}` : q(name);
    const values = rows.map((row) => `INSERT INTO ${table} VALUES (${row})`);
    return { format, schema, sql: [`CREATE TABLE ${table} (${columns})`, ...values], says };
  };
  const upper = engine === 'postgresql' ? (name: string) => name.toLowerCase() : (name: string) => name;
  return [
    made(
      'golang-migrate',
      'schema_migrations',
      `version ${big} NOT NULL PRIMARY KEY, dirty ${bool} NOT NULL`,
      [`20260101000000, ${yes}`],
      ['20260101000000 failed'],
    ),
    made('dbmate', 'schema_migrations', `version ${text} PRIMARY KEY`, ["'2'", "'1'"], ['1', '2']),
    made('rails', 'schema_migrations', `version ${text} NOT NULL PRIMARY KEY`, ["'2'", "'1'"], ['1', '2']),
    made(
      'ecto',
      'schema_migrations',
      `version ${big} PRIMARY KEY, inserted_at ${time}`,
      ["2, '2026-01-01 00:00:00'", "1, '2026-01-02 00:00:00'"],
      ['1', '2'],
    ),
    made(
      'flyway',
      'flyway_schema_history',
      `installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INT, installed_by VARCHAR(100) NOT NULL, installed_on ${time}, execution_time INT NOT NULL, success ${bool} NOT NULL`,
      [
        `10, '3', 'c', 'SQL', 'V3__c.sql', -5, 'me', '2026-01-01 00:00:00', 3, ${no}`,
        `2, '1.10', 'b', 'SQL', 'V1.10__b.sql', -1309750806, 'me', '2026-01-01 00:00:00', 3, ${yes}`,
        `9, NULL, 'a view', 'SQL', 'R__a_view.sql', NULL, 'me', '2026-01-01 00:00:00', 3, ${yes}`,
      ],
      ['1.10 -1309750806', 'R__a_view', '3 failed -5'],
    ),
    made(
      'liquibase',
      upper('DATABASECHANGELOG'),
      `${upper('ID')} ${text} NOT NULL, ${upper('AUTHOR')} ${text} NOT NULL, ${upper('FILENAME')} ${text} NOT NULL, ${upper('DATEEXECUTED')} ${time}, ${upper('ORDEREXECUTED')} INT NOT NULL, ${upper('EXECTYPE')} VARCHAR(10) NOT NULL, ${upper('MD5SUM')} VARCHAR(35)`,
      [
        "'two b', 'Bo', 'm/a.sql', '2026-01-01 00:00:00', 10, 'FAILED', NULL",
        "'1', 'ana', 'm/a.sql', '2026-01-01 00:00:00', 9, 'EXECUTED', '9:2b'",
      ],
      ['m/a.sql::1::ana', 'm/a.sql::two b::Bo failed'],
    ),
    made(
      'prisma',
      '_prisma_migrations',
      `id VARCHAR(36) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, finished_at ${time}, migration_name VARCHAR(255) NOT NULL, logs ${text}, rolled_back_at ${time}, started_at ${time}, applied_steps_count INT NOT NULL`,
      [
        "'c', 'ff', NULL, '2_b', NULL, NULL, '2026-01-03 00:00:00', 0",
        "'b', 'ee', '2026-01-02 00:00:01', '1_a', NULL, NULL, '2026-01-02 00:00:00', 1",
        "'a', 'ee', NULL, '1_a', 'no', '2026-01-01 12:00:00', '2026-01-01 00:00:00', 0",
      ],
      ['1_a ee', '2_b failed ff'],
    ),
    made(
      'drizzle',
      '__drizzle_migrations',
      engine === 'sqlite'
        ? 'id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric'
        : `id serial PRIMARY KEY, hash ${engine === 'mysql' ? 'text' : text} NOT NULL, created_at bigint`,
      ["2, 'ff', 1767312000000", "1, 'ee', 1767225600000"],
      ['1767225600000 ee', '1767312000000 ff'],
      engine === 'postgresql' ? 'drizzle' : undefined,
    ),
    made(
      'diesel',
      '__diesel_schema_migrations',
      `version VARCHAR(50) PRIMARY KEY NOT NULL, run_on ${time}`,
      ["'2', '2026-01-02 00:00:00'", "'00001', '2026-01-03 00:00:00'"],
      ['2', '00001'],
    ),
    made(
      'goose',
      'goose_db_version',
      `id INT PRIMARY KEY, version_id ${big} NOT NULL, is_applied ${bool} NOT NULL, tstamp ${time}`,
      [`1, 0, ${yes}, NULL`, `10, 2, ${no}, NULL`, `9, 2, ${yes}, NULL`, `2, 1, ${yes}, NULL`],
      ['1', '2 rolled-back'],
    ),
    made(
      'atlas',
      'atlas_schema_revisions',
      `version ${text} PRIMARY KEY, description ${text} NOT NULL, type ${big} NOT NULL, applied ${big} NOT NULL, total ${big} NOT NULL, executed_at ${time}, execution_time ${big} NOT NULL, error ${engine === 'mysql' ? 'longtext' : 'text'} NULL, error_stmt ${engine === 'mysql' ? 'longtext' : 'text'} NULL, hash ${text} NOT NULL, partial_hashes ${engine === 'postgresql' ? 'jsonb' : 'json'} NULL, operator_version ${text} NOT NULL`,
      [
        "'2', 'b', 2, 1, 2, '2026-01-02 00:00:00', 5, 'no such table', 'x', 'h=', NULL, 'v'",
        "'1', 'a', 2, 2, 2, '2026-01-01 00:00:00', 5, NULL, NULL, 'g=', NULL, 'v'",
      ],
      ['1 g=', '2 failed h='],
      own('atlas_schema_revisions'),
    ),
    made(
      'sqlx',
      '_sqlx_migrations',
      `version ${big} PRIMARY KEY, description ${text} NOT NULL, installed_on ${time}, success ${bool} NOT NULL, checksum ${bytes} NOT NULL, execution_time ${big} NOT NULL`,
      [`10, 'b', NULL, ${no}, ${hex('00ff')}, 5`, `9, 'a', NULL, ${yes}, ${hex('CB00')}, 5`],
      ['9 cb00', '10 failed 00ff'],
    ),
    made(
      'sqitch',
      'changes',
      `change_id VARCHAR(40) PRIMARY KEY, script_hash VARCHAR(40), ${q('change')} ${text} NOT NULL, project ${text} NOT NULL, note ${text} NOT NULL, committed_at ${time}, planned_at ${time}`,
      [
        "'bb', NULL, 'total', 'shop', '', '2026-01-02 00:00:00', '2026-01-01 00:00:00'",
        "'aa', 'cc', 'orders', 'shop', '', '2026-01-01 00:00:00', '2026-01-01 00:00:00'",
      ],
      ['aa cc', 'bb'],
      own('sqitch'),
    ),
    made(
      'knex',
      'knex_migrations',
      `id INT PRIMARY KEY, name ${text}, batch INT, migration_time ${time}`,
      ["10, 'b.js', 2, NULL", "9, 'a.js', 1, NULL"],
      ['a.js', 'b.js'],
    ),
    made(
      'typeorm',
      'migrations',
      `id INT PRIMARY KEY, ${q('timestamp')} bigint NOT NULL, name ${text} NOT NULL`,
      ["2, 1767312000000, 'B1767312000000'", "1, 1767225600000, 'A1767225600000'"],
      ['A1767225600000', 'B1767312000000'],
    ),
    made(
      'sequelize',
      'SequelizeMeta',
      `name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY`,
      ["'b.js'", "'a.js'"],
      ['a.js', 'b.js'],
    ),
    made(
      'django',
      'django_migrations',
      `id INT PRIMARY KEY, app ${text} NOT NULL, name ${text} NOT NULL, applied ${time}`,
      ["10, 'b', '0001', NULL", "9, 'a', '0001', NULL"],
      ['a.0001', 'b.0001'],
    ),
    made('alembic', 'alembic_version', 'version_num VARCHAR(32) NOT NULL PRIMARY KEY', ["'b2'"], ['b2']),
  ];
}
