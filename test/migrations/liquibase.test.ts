import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { liquibase } from '../../src/adapters/migrations/liquibase.ts';
import type { Migration } from '../../src/model/release.ts';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { DatabaseServer } from '../databases/server.ts';

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" logicalFilePath="shop">
  <property name="short" value="varchar(20)"/>
  <changeSet id="1" author="ana">
    <comment>Orders &amp; lines</comment>
    <createTable tableName="orders">
      <column name="id" type="bigint" autoIncrement="true"><constraints primaryKey="true" nullable="false"/></column>
      <column name="note" type="\${short}" defaultValue="it's"/>
      <column name="state" type="\${short}"><constraints nullable="false"/></column>
    </createTable>
    <createTable tableName="lines">
      <column name="order_id" type="bigint"/>
      <column name="n" type="int" defaultValueNumeric="1"/>
    </createTable>
  </changeSet>
  <changeSet id="2" author="ana">
    <addColumn tableName="orders"><column name="total" type="int" valueNumeric="0"/></addColumn>
    <renameColumn tableName="orders" oldColumnName="note" newColumnName="remark" columnDataType="varchar(20)"/>
    <addUniqueConstraint tableName="orders" columnNames="state, total" constraintName="one_state"/>
    <createIndex tableName="lines" indexName="by_order"><column name="order_id"/></createIndex>
    <addForeignKeyConstraint baseTableName="lines" baseColumnNames="order_id" constraintName="of_order"
      referencedTableName="orders" referencedColumnNames="id"/>
    <addNotNullConstraint tableName="lines" columnName="n"/>
    <addDefaultValue tableName="orders" columnName="state" defaultValue="new"/>
    <createView viewName="open_orders">SELECT id FROM orders WHERE state = 'new'</createView>
    <renameTable oldTableName="lines" newTableName="order_lines"/>
  </changeSet>
  <changeSet id="3" author="bo" runInTransaction="false">
    <sql endDelimiter="/">INSERT INTO orders (state) VALUES ('a') /
      INSERT INTO orders (state) VALUES ('b') /</sql>
    <insert tableName="orders"><column name="state" value="c"/><column name="total" valueNumeric="7"/></insert>
    <update tableName="orders"><column name="remark" value="x"/><where>total = 7</where></update>
    <delete tableName="orders"><where>state = 'b'</where></delete>
    <rollback>DELETE FROM orders</rollback>
  </changeSet>
</databaseChangeLog>
`;

const YAML = `databaseChangeLog:
  - logicalFilePath: shop
  - property: { name: short, value: varchar(20) }
  - changeSet:
      id: 1
      author: ana
      comment: Orders & lines
      changes:
        - createTable:
            tableName: orders
            columns:
              - column:
                  name: id
                  type: bigint
                  autoIncrement: true
                  constraints: { primaryKey: true, nullable: false }
              - column: { name: note, type: "\${short}", defaultValue: "it's" }
              - column: { name: state, type: "\${short}", constraints: { nullable: false } }
        - createTable:
            tableName: lines
            columns:
              - column: { name: order_id, type: bigint }
              - column: { name: n, type: int, defaultValueNumeric: 1 }
  - changeSet:
      id: 2
      author: ana
      changes:
        - addColumn: { tableName: orders, columns: [{ column: { name: total, type: int, valueNumeric: 0 } }] }
        - renameColumn: { tableName: orders, oldColumnName: note, newColumnName: remark }
        - addUniqueConstraint: { tableName: orders, columnNames: "state, total", constraintName: one_state }
        - createIndex: { tableName: lines, indexName: by_order, columns: [{ column: { name: order_id } }] }
        - addForeignKeyConstraint:
            { baseTableName: lines, baseColumnNames: order_id, constraintName: of_order, referencedTableName: orders, referencedColumnNames: id }
        - addNotNullConstraint: { tableName: lines, columnName: n }
        - addDefaultValue: { tableName: orders, columnName: state, defaultValue: new }
        - createView: { viewName: open_orders, selectQuery: "SELECT id FROM orders WHERE state = 'new'" }
        - renameTable: { oldTableName: lines, newTableName: order_lines }
  - changeSet:
      id: 3
      author: bo
      runInTransaction: false
      changes:
        - sql:
            endDelimiter: /
            sql: |
              INSERT INTO orders (state) VALUES ('a') /
              INSERT INTO orders (state) VALUES ('b') /
        - insert:
            tableName: orders
            columns: [{ column: { name: state, value: c } }, { column: { name: total, valueNumeric: 7 } }]
        - update: { tableName: orders, columns: [{ column: { name: remark, value: x } }], where: total = 7 }
        - delete: { tableName: orders, where: "state = 'b'" }
      rollback: DELETE FROM orders
`;

const parse = (files: Record<string, string>) =>
  liquibase().parse(Object.entries(files).map(([path, content]) => ({ path, content })));
const bare = (sql: string | undefined) => sql?.replace(/\s+/g, ' ').trim();
const said = (migrations: Migration[]) =>
  migrations.map((one) => ({ ...one, file: '', up: bare(one.up), down: bare(one.down) }));

test('a changelog says the same in XML, YAML and JSON', async () => {
  const { parse: read } = await import('yaml');
  const xml = said(parse({ 'db/changelog.xml': XML }));
  expect(xml.map(({ version, transaction }) => [version, transaction])).toEqual([
    ['shop::1::ana', undefined],
    ['shop::2::ana', undefined],
    ['shop::3::bo', false],
  ]);
  expect(said(parse({ 'db/changelog.yaml': YAML }))).toEqual(xml);
  expect(said(parse({ 'db/changelog.json': JSON.stringify(read(YAML), null, 2) }))).toEqual(xml);
  expect(xml.every(({ opaque, up }) => opaque === undefined && up !== '')).toBe(true);
});

describe.skipIf(!HAS_POSTGRESQL)('on a real server', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());

  test('the SQL of its changes runs, and what takes them back leaves nothing', async () => {
    const client = new pg.Client({ ...server, database: 'postgres' });
    await client.connect();
    const columns = async () =>
      (
        await client.query(
          `SELECT table_name || '.' || column_name AS name, is_nullable, column_default FROM information_schema.columns
           WHERE table_schema = 'public' ORDER BY 1`,
        )
      ).rows.map((row) => Object.values(row).join(' '));
    try {
      const migrations = parse({ 'db/changelog.xml': XML });
      for (const { up } of migrations) await client.query(up);
      expect(await columns()).toEqual([
        'open_orders.id YES ',
        'order_lines.n NO 1',
        'order_lines.order_id YES ',
        'orders.id NO ',
        "orders.remark YES 'it''s'::character varying",
        "orders.state NO 'new'::character varying",
        'orders.total YES ',
      ]);
      const orders = await client.query('SELECT state, total, remark FROM orders ORDER BY id');
      expect(orders.rows.map((row) => Object.values(row))).toEqual([
        ['a', null, "it's"],
        ['c', 7, 'x'],
      ]);
      for (const { down } of migrations.toReversed()) await client.query(down as string);
      expect(await columns()).toEqual([]);
    } finally {
      await client.end();
    }
  });
});

test('findings are on the lines of the changelog, in each of its languages', async () => {
  const before = parse({ 'a.xml': XML });
  const yaml = `databaseChangeLog:
- changeSet:
    id: 9
    author: ana
    changes:
    - dropColumn:
        tableName: orders
        columnName: total
    - sql:
        sql: |
          ALTER TABLE orders ADD COLUMN extra int;
          ALTER TABLE orders DROP COLUMN remark;
`;
  const xml = `<databaseChangeLog>
<changeSet id="9" author="ana">
  <dropColumn tableName="orders"
    columnName="total"/>
  <sql><![CDATA[
    ALTER TABLE orders ADD COLUMN extra int;
    ALTER TABLE orders DROP COLUMN remark;
  ]]></sql>
</changeSet>
</databaseChangeLog>`;
  for (const [file, lines] of [
    [{ 'b.yaml': yaml }, [6, 12]],
    [{ 'b.xml': xml }, [3, 7]],
  ] as const) {
    for (const engine of ['postgresql', 'mysql'] as const) {
      const { findings } = await judgeSpan({ before, migrations: parse(file) }, engine);
      const dropped = findings.filter(({ rule }) => rule === 'drop-column');
      expect(
        dropped.map(({ line }) => line).sort((a, b) => a - b),
        engine,
      ).toEqual(lines);
    }
  }
});

test('changelogs include one another and formatted SQL, from the search path or from where they are', () => {
  const set = (id: string) => `<changeSet id="${id}" author="ana"><sql>SELECT ${id}</sql></changeSet>`;
  const log = (...entries: string[]) => `<databaseChangeLog>${entries.join('\n')}</databaseChangeLog>`;
  const files = {
    'app/db/master.xml': log(
      '<include file="classpath:db/second.yaml"/>',
      set('3'),
      '<includeAll path="all/" relativeToChangelogFile="true"/>',
      '<include file="db/first.sql"/>',
    ),
    'app/db/second.yaml':
      'databaseChangeLog:\n- include: { file: deep/one.xml, relativeToChangelogFile: true }\n- changeSet: { id: 2, author: ana, changes: [ sql: SELECT 2 ] }\n',
    'app/db/deep/one.xml': log(set('1')),
    'app/db/all/b.xml': log(set('5')),
    'app/db/all/a.xml': log(set('4')),
    'app/db/first.sql': '--liquibase formatted sql\n--changeset ana:6\nSELECT 6;\n',
  };
  expect(parse(files).map(({ name }) => name)).toEqual([1, 2, 3, 4, 5, 6].map((id) => `ana:${id}`));
  const { 'app/db/deep/one.xml': _, ...lacking } = files;
  expect(() => parse(lacking)).toThrow(/second\.yaml:2 .*There is no file deep\/one\.xml that it includes/);
});

test.each([
  ['a change that is not known', '<customChange class="x.Y"/>'],
  ['a name that needs quotes, each engine in its own', '<dropTable tableName="my orders"/>'],
  [
    'a value that is not written there',
    '<addColumn tableName="t"><column name="a" type="int" valueSequenceNext="s"/></addColumn>',
  ],
  ['a file that is not there', '<sqlFile path="gone.sql"/>'],
  ['SQL that is changed afterwards', '<dropTable tableName="t"/><modifySql><append value=" x"/></modifySql>'],
])('%s is unknown, and stops', async (_, change) => {
  const xml = `<databaseChangeLog><changeSet id="1" author="ana">${change}</changeSet></databaseChangeLog>`;
  const migrations = parse({ 'a.xml': xml });
  const { findings } = await judgeSpan({ before: [], migrations }, 'postgresql');
  expect(findings).toMatchObject([{ verdict: 'unknown', why: expect.stringContaining('is not known here') }]);
});

test.each([
  ['a.xml', '<databaseChangeLog><changeSet id="1"', /a\.xml:1 .*It is not XML/],
  [
    'a.xml',
    '<databaseChangeLog>\n<changeSet id="1"/></databaseChangeLog>',
    /a\.xml:2 .*needs an id and an author/,
  ],
  ['a.yaml', 'databaseChangeLog:\n- changeSet: [', /a\.yaml:\d .*It is not YAML/],
  ['a.json', '{"databaseChangeLog": [{"changeSet": {"id": 1}}]}', /a\.json:1 .*needs an id and an author/],
])('%s that Liquibase would refuse is refused: %s', (path, content, told) => {
  expect(() => parse({ [path]: content })).toThrow(told);
});
