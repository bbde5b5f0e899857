import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database, TakenBack } from '../../src/adapters/database/database.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import type { Down, Loss } from '../../src/model/reversal.ts';
import { statementsOf } from '../../src/schema-changes/statements-of.ts';
import { historyJudge } from '../../src/steps/history-judge.ts';

export const SQL = `CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
  INSERT INTO schema_migrations VALUES ('1'), ('2');
  CREATE TABLE customers (id integer PRIMARY KEY);
  CREATE TABLE orders (id integer PRIMARY KEY, note text, customer integer REFERENCES customers (id));
  INSERT INTO customers VALUES (1); INSERT INTO orders VALUES (1, 'a', 1), (2, NULL, 1), (3, 'b', NULL);`;
export const { history } = migrationSources.dbmate();
export const NEVER = new AbortController().signal;

/** A database with two migrations applied, and a way to it beside the adapter. */
export interface Place {
  engine: 'postgresql' | 'sqlite' | 'mysql';
  database: Database;
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** Keeps writers and readers out of orders until the function that it returns is called. */
  lock(): Promise<() => Promise<void>>;
  end(): Promise<void>;
}

/** What taking back does on every engine. */
export function suite(create: () => Promise<Place>, { atomic }: { atomic: boolean }): void {
  let place: Place;
  beforeEach(async () => {
    place = await create();
  });
  afterEach(() => place.end());
  const versions = async () =>
    (await place.sql('SELECT version FROM schema_migrations ORDER BY version')).map(({ version }) => version);

  test('the down and its row in the history go together', async () => {
    await takeBack(place, { sql: 'ALTER TABLE orders DROP COLUMN note;\n-- done\n' });
    expect(await versions()).toEqual(['1']);
    expect(await place.sql('SELECT * FROM orders WHERE id = 1')).toEqual([{ id: 1, customer: 1 }]);
  });

  test('one that is not the newest, or was taken back, is left alone', async () => {
    await expect(takeBack(place, { version: '1', sql: 'DROP TABLE orders' })).rejects.toMatchObject({
      code: 'DOWN_NOT_NEXT',
      detail: 'The history has 2 as applied after it.',
    });
    await expect(takeBack(place, { version: '3', sql: 'DROP TABLE orders' })).rejects.toMatchObject({
      code: 'DOWN_NOT_NEXT',
      detail: 'The history has no applied 3.',
    });
    expect(await place.sql('SELECT id FROM orders')).toHaveLength(3);
  });

  test('a lock is waited for a moment, and had at another try', { timeout: 20_000 }, async () => {
    const unlock = await place.lock();
    const sql = 'ALTER TABLE orders DROP COLUMN note';
    await expect(takeBack(place, { sql })).rejects.toMatchObject({
      code: 'DOWN_LOCKED',
      retriable: true,
    });
    await unlock();
    await takeBack(place, { sql });
    expect(await versions()).toEqual(['1']);
  });

  test('on a copy of a backup it leaves the live database as it is', async () => {
    const backup = await place.database.backUp({
      nowMs: Date.UTC(2026, 2, 15),
      signal: NEVER,
      progress() {},
    });
    await place.database.withCopy(backup, NEVER, async (inside) => {
      await takeBack(place, { sql: 'DROP TABLE orders', inside });
      await expect(takeBack(place, { sql: 'DROP TABLE orders', inside })).rejects.toMatchObject({
        code: 'DOWN_NOT_NEXT',
      });
    });
    expect(await versions()).toEqual(['1', '2']);
    expect(await place.sql('SELECT id FROM orders')).toHaveLength(3);
  });

  test('losses are counted, and what can not be counted says why', async () => {
    const quoted = (sql: string) => (place.engine === 'mysql' ? sql.replaceAll('"', '`') : sql);
    const losses = [loss('column', 'note'), loss('table'), { ...loss('table'), name: 'gone', table: 'gone' }];
    const counted = await place.database.countLosses(losses, NEVER);
    expect(counted).toMatchObject([
      {
        rows: 3,
        values: 2,
        query: quoted('SELECT count(*) AS "rows", count("note") AS "values" FROM "orders"'),
      },
      { rows: 3, query: quoted('SELECT count(*) AS "rows" FROM "orders"') },
      { rows: undefined, unknown: expect.stringContaining('gone') },
    ]);
  });

  /** Where each statement commits by itself it is otherwise. */
  if (!atomic) return;
  test('what fails in the middle changes nothing', async () => {
    const taking = takeBack(place, {
      sql: 'ALTER TABLE orders DROP COLUMN note; DROP TABLE missing',
    });
    await expect(taking).rejects.toMatchObject({ code: 'DOWN_FAILED', retriable: false });
    expect(await versions()).toEqual(['1', '2']);
    expect(await place.sql('SELECT note FROM orders WHERE id = 1')).toEqual([{ note: 'a' }]);
  });

  test('a history that does not take the migration out changes nothing', async () => {
    const taking = takeBack(place, {
      sql: 'ALTER TABLE orders DROP COLUMN note',
      history: 'SELECT 1',
    });
    await expect(taking).rejects.toMatchObject({ code: 'DOWN_FAILED' });
    expect(await place.sql('SELECT note FROM orders WHERE id = 1')).toEqual([{ note: 'a' }]);
  });
}

/** Takes a migration back as the steps of a run do. */
export async function takeBack(
  place: Pick<Place, 'database' | 'engine'>,
  how: Partial<Down> & {
    sql: string;
    inside?: string;
    states?: readonly string[];
    signal?: AbortSignal;
    statementMs?: number;
  },
): Promise<TakenBack> {
  const { version = '2', sql, inside, states, signal = NEVER, statementMs = 600_000, ...down } = how;
  const { engine } = place;
  const whole = {
    version,
    file: `${version}_change.sql`,
    statements: (await statementsOf(sql, engine)).statements,
    history: history.takeOut?.(version, '1', engine) ?? '',
    transaction: true,
    ...down,
  };
  const judge = historyJudge(history, version, ['1', '2']);
  const at = inside === undefined ? {} : { inside };
  return place.database.takeBack(whole, { judge, statementMs, states, signal, ...at });
}

export function loss(kind: Loss['kind'], column?: string): Loss {
  const name = column === undefined ? 'orders' : `orders.${column}`;
  const at = { version: '2', file: '2_change.sql', line: 1, statement: '' };
  return { name, kind, table: 'orders', ...(column === undefined ? {} : { column }), ...at };
}
