import mysql from 'mysql2/promise';
import { mysqlDatabase } from '../../src/adapters/database/mysql.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import type { DatabaseServer } from './server.ts';
import { onServer } from './server-fixture.ts';

export const ODD_SQL = `
CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20260102'), ('20260101');
CREATE TABLE \`or\`\`d er'\` (id BIGINT AUTO_INCREMENT PRIMARY KEY, \`b;c\` VARCHAR(200) CHARACTER SET utf8mb4 DEFAULT 'x;y',
  d DOUBLE, n DECIMAL(65, 30), b BLOB, j JSON, t DATETIME(6), ts TIMESTAMP(3) NULL, y YEAR, bi BIT(10),
  e ENUM('it''s', 'b,c', '),('), s SET('a', 'b'), h INT INVISIBLE DEFAULT 7, g VARCHAR(250) AS (CONCAT(\`b;c\`, '!')) STORED,
  p POINT, u BIGINT UNSIGNED, UNIQUE KEY uk (\`b;c\`)) DEFAULT CHARSET = utf8mb4;
INSERT INTO \`or\`\`d er'\` (\`b;c\`, d, n, b, j, t, ts, y, bi, e, s, p, u) VALUES
  ('it''s\\n\\\\ \\t\\r\\0\\Z "ü😀),(', -0.0, 12345678901234567890.123456789, X'00ff275c', '{"a": [1, null]}', '2026-03-15 10:32:00.123456',
    '2026-03-15 10:32:00.5', 2026, b'1010101010', 'it''s', 'a,b', ST_GeomFromText('POINT(1 2)'), 18446744073709551615),
  ('', 1e308, -1, '', NULL, '1000-01-01', NULL, 1901, b'0', '),(', '', NULL, 0), (NULL, 0.1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE keyless (a INT, b VARCHAR(20) CHARACTER SET latin1, KEY (a, b)); INSERT INTO keyless VALUES (2, 'ü'), (1, '-- x'), (1, '-- x');
CREATE TABLE ref (id INT PRIMARY KEY, other INT, CONSTRAINT fk FOREIGN KEY (other) REFERENCES ref (id));
SET foreign_key_checks = 0; INSERT INTO ref VALUES (1, 2), (2, 1); SET foreign_key_checks = 1;
CREATE TABLE part (id INT, y INT) PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO part VALUES (1, 5), (2, 15); CREATE TABLE nothing (x INT); CREATE TABLE log (what TEXT);
CREATE TABLE ai (id INT AUTO_INCREMENT PRIMARY KEY); INSERT INTO ai VALUES (), (), (); DELETE FROM ai WHERE id > 1;
CREATE SEQUENCE sq START WITH 5; DO NEXTVAL(sq);
CREATE VIEW v AS SELECT a, COUNT(*) AS n FROM keyless GROUP BY a; CREATE VIEW a_view AS SELECT * FROM v;
CREATE TRIGGER tr AFTER INSERT ON ref FOR EACH ROW INSERT INTO log VALUES ('inserted -- ;');
CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x + 1;
CREATE PROCEDURE p() COMMENT 'it''s' BEGIN DECLARE i INT; SELECT 1; END;
`;
/** What was made before keeps the collation that the database had, and a dump changes the database around it. */
const RECOLLATED_SQL = `${ODD_SQL}ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;`;

let made = 0;

/** A database of its own on the server, with odd names, types and values. */
export async function mariadbFixture(server: DatabaseServer, sql = RECOLLATED_SQL): Promise<ServerFixture> {
  const name = `the-shop ${++made}`;
  const { host, port, user, password } = server;
  const on = async <T>(database: string | undefined, work: (client: mysql.Connection) => Promise<T>) => {
    const options = { host, port, user, password, database, supportBigNumbers: true, bigNumberStrings: true };
    const client = await mysql.createConnection({ ...options, multipleStatements: true, dateStrings: true });
    client.on('error', () => {});
    return work(client).finally(() => client.end().catch(() => undefined));
  };
  const admin = (text: string) => on(undefined, (client) => client.query(text));
  const quoted = (database: string) => `\`${database.replaceAll('`', '``')}\``;
  await admin(`CREATE DATABASE ${quoted(name)} CHARACTER SET latin1`);
  await on(name, (client) => client.query(sql));
  const { end, ...common } = await onServer(server, name, {
    adapter: mysqlDatabase,
    quoted,
    admin,
    async databases() {
      const [rows] = await admin('SHOW DATABASES');
      const own = ['information_schema', 'mysql', 'performance_schema', 'sys'];
      return (rows as { Database: string }[]).map((row) => row.Database).filter((db) => !own.includes(db));
    },
  });
  return {
    ...common,
    extension: 'sql',
    table: (table) => table,
    async user(account, secret, except) {
      await admin(`DROP USER IF EXISTS ${account}`);
      await on(undefined, (client) => client.query(`CREATE USER ${account} IDENTIFIED BY ?`, [secret]));
      const rights = 'SELECT, SHOW VIEW, TRIGGER';
      await admin(`GRANT ALL ON \`rollback\\_scratch\\_%\`.* TO ${account}`);
      if (except.length === 0) {
        await admin(`GRANT ${rights}, EVENT, EXECUTE ON ${quoted(name)}.* TO ${account}`);
        return;
      }
      const [tables] = await on(name, (client) => client.query('SHOW TABLES'));
      for (const table of (tables as object[]).flatMap(Object.values) as string[])
        if (!except.includes(table))
          await admin(`GRANT ${rights} ON ${quoted(name)}.${quoted(table)} TO ${account}`);
    },
    async exec(text) {
      await on(name, (client) => client.query(text));
    },
    async fill(rows) {
      await on(name, (client) =>
        client.query(
          `CREATE TABLE filler (x TEXT); INSERT INTO filler SELECT LPAD(seq, 200, MD5(seq)) FROM seq_1_to_${rows}`,
        ),
      );
    },
    content: (restored = name) => on(restored, (client) => contentOf(client, restored)),
    number: (text, restored = name) =>
      on(restored, async (client) => {
        const [rows] = await client.query(text);
        return Number(Object.values((rows as object[])[0] as object)[0]);
      }),
    async destroy() {
      await admin(`DROP DATABASE ${quoted(name)}`);
    },
    end: () => end((database) => `DROP DATABASE IF EXISTS ${database}`, 'USER'),
  };
}

async function contentOf(client: mysql.Connection, database: string): Promise<string> {
  const rows = async (sql: string) =>
    JSON.stringify((await client.query({ sql, rowsAsArray: true }))[0]).replaceAll(database, 'DB');
  const of = (table: string, columns: string, schema = 'TABLE_SCHEMA') =>
    rows(`SELECT ${columns} FROM information_schema.${table} WHERE ${schema} = DATABASE() ORDER BY 1, 2, 3`);
  const lines = [
    await of(
      'COLUMNS',
      'TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, COLLATION_NAME, GENERATION_EXPRESSION',
    ),
    await of(
      'TABLES',
      `TABLE_NAME, TABLE_TYPE, ENGINE, IF(TABLE_TYPE = 'SEQUENCE', NULL, TABLE_COLLATION), AUTO_INCREMENT`,
    ),
    await of('STATISTICS', 'TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE'),
    await of('VIEWS', 'TABLE_NAME, VIEW_DEFINITION, DEFINER'),
    await of(
      'TRIGGERS',
      'TRIGGER_NAME, ACTION_STATEMENT, DEFINER, DATABASE_COLLATION, EVENT_OBJECT_TABLE',
      'TRIGGER_SCHEMA',
    ),
    await of(
      'ROUTINES',
      'ROUTINE_NAME, ROUTINE_DEFINITION, DEFINER, ROUTINE_COMMENT, DATABASE_COLLATION',
      'ROUTINE_SCHEMA',
    ),
    await of('PARTITIONS', 'TABLE_NAME, PARTITION_NAME, PARTITION_DESCRIPTION'),
    await of('SCHEMATA', 'DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, 1', 'SCHEMA_NAME'),
    await rows('SELECT CONCAT(next_not_cached_value) FROM sq').catch(() => ''),
  ];
  const [tables] = await client.query(`SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'`);
  for (const table of tables as Record<string, string>[]) {
    const name = `\`${String(Object.values(table)[0]).replaceAll('`', '``')}\``;
    const [columns] = await client.query(`SHOW COLUMNS FROM ${name}`);
    const exact = (columns as { Field: string }[]).map(
      ({ Field }) => `HEX(\`${Field.replaceAll('`', '``')}\`)`,
    );
    lines.push(
      `${name} ${await rows(`SELECT ${exact.join(', ')} FROM ${name} ORDER BY ${exact.join(', ')}`)}`,
    );
  }
  return lines.join('\n');
}
