import pg from 'pg';
import { postgresqlDatabase } from '../../src/adapters/database/postgresql.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import type { DatabaseServer } from './server.ts';
import { onServer } from './server-fixture.ts';

const ODD_SQL = `
CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20260102'), ('20260101');
CREATE EXTENSION hstore;
CREATE SCHEMA "Odd.Schema";
CREATE TYPE mood AS ENUM ('it''s', 'sad; --', 'ok');
CREATE DOMAIN "posi tive" AS int CHECK (VALUE > 0);
CREATE TABLE "Odd.Schema"."or""d er" (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "b;c" text DEFAULT 'x;y', m mood[], f double precision, r real,
  n numeric, b bytea, j jsonb, h hstore, t timestamptz, i interval, p "posi tive", g text GENERATED ALWAYS AS ("b;c" || '!') STORED);
INSERT INTO "Odd.Schema"."or""d er" ("b;c", m, f, r, n, b, j, h, t, i, p) VALUES
  (E'it''s\\n\\\\. \\t\\r ü😀', '{"it''s","sad; --",NULL}', '-0', 1.2345678, 'NaN', '\\x00ff27', '{"a": [1, null]}', 'a=>NULL', 'infinity', '-1 day 2 h', 7),
  ('', '{}', 'NaN', 'Infinity', 1e-400, '', 'null', '', '0044-03-15 BC', '0', 1),
  (NULL, NULL, 0.1, NULL, 12345678901234567890.1234567890, NULL, NULL, NULL, '2026-03-15 10:32:00.123456+05:30', NULL, NULL);
CREATE TABLE keyless (a int, b varchar(20) CHECK (b IN ('new', 'paid')), c char(5));
INSERT INTO keyless VALUES (1, 'new', 'x'), (1, 'new', 'x'), (2, 'paid', NULL);
CREATE TABLE parent (a int); CREATE TABLE child (z text) INHERITS (parent); ALTER TABLE parent ADD b int DEFAULT 3;
INSERT INTO parent VALUES (1, 2); INSERT INTO child VALUES (5, 'z', 6);
CREATE TABLE part (id int, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE part_d PARTITION OF part DEFAULT; INSERT INTO part VALUES (1, '2026-01-05'), (2, '2027-01-01');
ALTER TABLE keyless DROP COLUMN c; ALTER TABLE keyless ADD d int;
CREATE TABLE ref (id int PRIMARY KEY, other int REFERENCES ref DEFERRABLE INITIALLY DEFERRED); INSERT INTO ref VALUES (1, 2), (2, 1);
CREATE SEQUENCE down INCREMENT -1; SELECT nextval('down'), nextval('down'); CREATE SEQUENCE unused;
CREATE TABLE seq (id serial PRIMARY KEY); INSERT INTO seq DEFAULT VALUES; INSERT INTO seq DEFAULT VALUES;
CREATE VIEW v AS SELECT a, count(*) AS n FROM keyless WHERE b IN ('new', 'paid') GROUP BY a;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM v;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER no BEFORE INSERT ON ref FOR EACH ROW EXECUTE FUNCTION f();
CREATE UNIQUE INDEX ix ON keyless (lower(b), a) WHERE a > 1; CREATE TABLE nothing ();
CREATE TABLE guarded (who text); INSERT INTO guarded VALUES ('me'), ('you');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON guarded USING (who = current_user); COMMENT ON COLUMN guarded.who IS 'who; it''s';
CREATE UNLOGGED TABLE fleeting (x int); INSERT INTO fleeting VALUES (1);
SELECT lo_from_bytea(4711, '\\x00ff01');
`;

let made = 0;

/** A database of its own on the server, with odd names, types and values. */
export async function postgresqlFixture(server: DatabaseServer, sql = ODD_SQL): Promise<ServerFixture> {
  const name = `the "shop" ${++made}`;
  const on = async <T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
    const { host, port, user, password } = server;
    const client = new pg.Client({ host, port, user, password, database });
    client.on('error', () => {});
    await client.connect();
    return work(client).finally(() => client.end());
  };
  const admin = (sql: string) => on('postgres', (client) => client.query(sql));
  const quoted = (database: string) => `"${database.replaceAll('"', '""')}"`;
  await admin(`CREATE DATABASE ${quoted(name)}`);
  await admin(`ALTER DATABASE ${quoted(name)} SET work_mem TO '5MB'`);
  await on(name, (client) => client.query(sql));
  const { end, ...common } = await onServer(server, name, {
    adapter: postgresqlDatabase,
    quoted,
    admin,
    async databases() {
      const own = `SELECT datname FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres')`;
      return (await admin(own)).rows.map((row) => row.datname as string);
    },
  });
  return {
    ...common,
    async user(role, secret, except) {
      await admin(`DROP ROLE IF EXISTS ${role}`);
      await admin(`CREATE ROLE ${role} LOGIN CREATEDB PASSWORD '${secret.replaceAll("'", "''")}'`);
      if (except.length === 0) {
        // As docs/backups.md says.
        await admin(`GRANT pg_read_all_data TO ${role}`);
        return;
      }
      await on(name, async (client) => {
        await client.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
        for (const table of except) await client.query(`REVOKE SELECT ON ${table} FROM ${role}`);
      });
    },
    extension: 'dump',
    table: (table) => `public.${table}`,
    async exec(sql) {
      await on(name, (client) => client.query(sql));
    },
    async fill(rows) {
      await on(name, (client) =>
        client.query(
          `CREATE TABLE filler (x TEXT); INSERT INTO filler
            SELECT (SELECT string_agg(md5(i || ' ' || n), '') FROM generate_series(1, 7) n) FROM generate_series(1, ${rows}) i`,
        ),
      );
    },
    content: (restored = name) => on(restored, contentOf),
    number: (sql, restored = name) =>
      on(restored, async (client) => Number(Object.values((await client.query(sql)).rows[0])[0])),
    async destroy() {
      await admin(`DROP DATABASE ${quoted(name)} WITH (FORCE)`);
    },
    end: () => end((database) => `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`, 'ROLE'),
  };
}

async function contentOf(client: pg.Client): Promise<string> {
  await client.query(`SET extra_float_digits = 3; SET TimeZone = 'UTC'; SET search_path = ''`);
  const rows = async (sql: string) =>
    JSON.stringify((await client.query({ text: sql, rowMode: 'array' })).rows);
  const own = `NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;
  const lines = [
    await rows(`SELECT table_schema, table_name, column_name, data_type, udt_name, is_nullable, column_default,
      identity_generation, generation_expression FROM information_schema.columns WHERE table_schema ${own} ORDER BY 1, 2, 3`),
    await rows(`SELECT table_name, constraint_name, constraint_type FROM information_schema.table_constraints
      WHERE table_schema ${own} AND constraint_name !~ '_not_null$' ORDER BY 1, 2`),
    await rows(
      `SELECT schemaname, tablename, indexdef FROM pg_catalog.pg_indexes WHERE schemaname ${own} ORDER BY 3`,
    ),
    await rows(`SELECT sequencename, last_value, increment_by FROM pg_catalog.pg_sequences ORDER BY 1`),
    await rows(`SELECT relname, relacl, pg_catalog.pg_get_userbyid(relowner), pg_catalog.obj_description(oid), relpersistence
      FROM pg_catalog.pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`),
    await rows(
      `SELECT proname, prosrc FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2`,
    ),
    await rows(`SELECT tgname, tgenabled FROM pg_catalog.pg_trigger WHERE NOT tgisinternal ORDER BY 1`),
    await rows(`SELECT policyname, qual FROM pg_catalog.pg_policies ORDER BY 1`),
    await rows(`SELECT enumlabel FROM pg_catalog.pg_enum ORDER BY enumsortorder`),
    await rows(`SELECT pg_catalog.lo_get(4711)`),
    await rows(`SHOW work_mem`),
    await rows(`SELECT * FROM public.mv ORDER BY 1`),
  ];
  const tables = await client.query<{ name: string; columns: string }>(`
    SELECT format('%I.%I', n.nspname, c.relname) AS name,
      (SELECT coalesce(string_agg(format('%I', attname), ', ' ORDER BY attname), 'NULL') FROM pg_catalog.pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname ${own} ORDER BY 1`);
  for (const { name, columns } of tables.rows) {
    lines.push(`${name} ${await rows(`SELECT ROW(${columns})::text FROM ONLY ${name} ORDER BY 1`)}`);
  }
  return lines.join('\n');
}
