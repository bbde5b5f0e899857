import type { Trial } from '../trial.ts';
import { type ColumnKind, KINDS } from './kinds.ts';

type Engine = 'postgresql' | 'mysql';

interface Column {
  name: string;
  kind: ColumnKind;
  notNull: boolean;
  hasDefault: boolean;
  /** In the old code's statements. */
  unique: boolean;
}
interface Table {
  name: string;
  columns: Column[];
}

/** What is picked next: of `n` things, one. */
export type Choose = (n: number) => number;

/** A random schema with rows, migrations, and the statements that old code of that schema would send. */
export function randomCase(engine: Engine, pick: Choose): Trial {
  const kinds = KINDS[engine];
  const of = <T>(things: readonly T[]): T => things[pick(things.length)] as T;
  const chance = (percent: number) => pick(100) < percent;
  const column = (name: string): Column => {
    const kind = of(kinds);
    return {
      name,
      kind,
      notNull: chance(40),
      hasDefault: kind.default !== undefined && chance(50),
      unique: false,
    };
  };
  const declared = ({ name, kind, notNull, hasDefault }: Column) =>
    `${name} ${kind.type}${notNull ? ' NOT NULL' : ''}${hasDefault ? ` DEFAULT ${kind.default}` : ''}`;

  const tables: Table[] = ['orders', 'tags'].slice(0, 1 + pick(2)).map((name) => ({
    name,
    columns: ['a', 'b', 'c', 'd'].slice(0, 1 + pick(4)).map(column),
  }));
  const schema: string[] = [];
  if (engine === 'postgresql') schema.push("CREATE TYPE mood AS ENUM ('new', 'paid')");
  for (const { name, columns } of tables) {
    schema.push(`CREATE TABLE ${name} (id int PRIMARY KEY, ${columns.map(declared).join(', ')})`);
    const unique = columns.filter(({ kind }) => kind.unique);
    if (unique.length > 0 && chance(40)) {
      const key = of(unique);
      key.unique = true;
      schema.push(`CREATE UNIQUE INDEX ${name}_${key.name} ON ${name} (${key.name})`);
    }
    const rows = pick(3);
    for (let id = 1; id <= rows; id++) {
      const values = columns.map(({ kind }) => kind.small[id - 1]);
      schema.push(`INSERT INTO ${name} VALUES (${[id, ...values].join(', ')})`);
    }
  }
  const old = structuredClone(tables);
  const migrations = Array.from(
    { length: 1 + pick(3) },
    () => `${change(engine, tables, { of, chance, column, declared, pick })};`,
  );
  return { schema: `${schema.join(';\n')};`, migrations, ...oldCode(engine, old) };
}

interface Chooser {
  of<T>(things: readonly T[]): T;
  chance(percent: number): boolean;
  column(name: string): Column;
  declared(column: Column): string;
  pick: Choose;
}

/** One change of what is there now; the model follows it. */
function change(engine: Engine, tables: Table[], { of, chance, column, declared, pick }: Chooser): string {
  const table = of(tables);
  const { name, columns } = table;
  const target = of(columns);
  const alter = `ALTER TABLE ${name}`;
  const restate = (to: Column) => `${alter} MODIFY ${declared(to)}`;
  const free = of(['e', 'f', 'a', 'b', 'c', 'd']);
  const isPostgres = engine === 'postgresql';
  switch (pick(20)) {
    case 0:
    case 1: {
      const added = column(free);
      columns.push(added);
      return `${alter} ADD COLUMN ${declared(added)}`;
    }
    case 2:
      table.columns = columns.filter((each) => each !== target);
      if (table.columns.length === 0) table.columns = columns;
      return `${alter} DROP COLUMN ${target.name}`;
    case 3:
    case 4: {
      const from = target.name;
      target.name = free;
      return `${alter} RENAME COLUMN ${from} TO ${free}`;
    }
    case 5:
    case 6: {
      target.kind = chance(70)
        ? of(KINDS[engine].filter(({ family }) => family === target.kind.family))
        : of(KINDS[engine]);
      if (!isPostgres) return restate(target);
      const using = chance(50) ? ` USING ${target.name}::${target.kind.type}` : '';
      return `${alter} ALTER COLUMN ${target.name} TYPE ${target.kind.type}${using}`;
    }
    case 7:
    case 8:
      target.notNull = !target.notNull;
      if (!isPostgres) return restate(target);
      return `${alter} ALTER COLUMN ${target.name} ${target.notNull ? 'SET' : 'DROP'} NOT NULL`;
    case 9:
    case 10: {
      target.hasDefault = !target.hasDefault && target.kind.default !== undefined;
      const what = target.hasDefault ? `SET DEFAULT ${target.kind.default}` : 'DROP DEFAULT';
      return `${alter} ALTER COLUMN ${target.name} ${what}`;
    }
    case 11: {
      const to = of(['purchases', 'labels', 'orders', 'tags']);
      table.name = to;
      const view = chance(50)
        ? `;\nCREATE VIEW ${name} AS SELECT ${chance(50) ? '*' : columnsOf(table)} FROM ${to}`
        : '';
      return `${alter} RENAME TO ${to}${view}`;
    }
    case 12: {
      const reference = chance(50) ? `, parent int, FOREIGN KEY (parent) REFERENCES ${name} (id)` : '';
      return `CREATE TABLE extra (id int PRIMARY KEY${reference})`;
    }
    case 13:
      return `CREATE UNIQUE INDEX u_${target.name} ON ${name} (${target.name})`;
    case 14:
      return isPostgres
        ? `DROP INDEX ${name}_${target.name}`
        : `DROP INDEX ${name}_${target.name} ON ${name}`;
    case 15:
      return `${alter} ADD CHECK (${target.name} ${of(['IS NOT NULL', `<> ${target.kind.small[0]}`])})`;
    case 16:
      return of([
        `UPDATE ${name} SET ${target.name} = ${target.kind.small[1]}`,
        `DELETE FROM ${name} WHERE id = 2`,
        `DROP TABLE ${name}`,
      ]);
    case 17: {
      const added = of(['void', 'late']);
      if (isPostgres)
        return of([
          `ALTER TYPE mood ADD VALUE '${added}'`,
          `ALTER TYPE mood RENAME VALUE 'paid' TO '${added}'`,
        ]);
      return `${alter} MODIFY ${target.name} ENUM('new','paid','${added}')`;
    }
    case 18:
      return isPostgres
        ? `${alter} ALTER COLUMN ${target.name} SET NOT NULL`
        : `${alter} CHANGE ${target.name} ${declared(target)}`;
    default: {
      const kept = columns.filter(() => chance(85));
      const list = ['id', ...kept.map((each) => each.name)].join(', ');
      const where = chance(15) ? ' WHERE id > 1' : '';
      const definition = ['id int PRIMARY KEY', ...columns.map(declared)].join(', ');
      return [
        `CREATE TABLE rebuilt (${definition})`,
        `INSERT INTO rebuilt (${list}) SELECT ${list} FROM ${name}${where}`,
        `DROP TABLE ${name}`,
        `ALTER TABLE rebuilt RENAME TO ${name}`,
      ].join(';\n');
    }
  }
}

function columnsOf({ columns }: Table): string {
  return ['id', ...columns.map(({ name }) => name)].join(', ');
}

/** As an ORM writes them: all columns by name. Values reach to the ends of what the old types hold. */
function oldCode(engine: Engine, tables: Table[]): Pick<Trial, 'reads' | 'writes'> {
  const reads: string[] = [];
  const writes: string[] = [];
  for (const table of tables) {
    const { name, columns } = table;
    const all = columnsOf(table);
    reads.push(`SELECT ${all} FROM ${name} ORDER BY id`);
    for (const { name: column, kind } of columns) {
      reads.push(`SELECT id FROM ${name} WHERE ${column} = ${kind.small[0]} ORDER BY id`);
    }
    const large = columns.map(({ kind }) => kind.large);
    writes.push(`INSERT INTO ${name} (${all}) VALUES (${[10, ...large].join(', ')})`);
    const required = columns.filter(({ notNull, hasDefault }) => notNull && !hasDefault);
    const least = ['id', ...required.map((each) => each.name)].join(', ');
    writes.push(
      `INSERT INTO ${name} (${least}) VALUES (${[11, ...required.map(({ kind }) => kind.small[2])].join(', ')})`,
    );
    for (const { name: column, kind, notNull, unique } of columns) {
      writes.push(`UPDATE ${name} SET ${column} = ${notNull ? kind.small[3] : 'NULL'} WHERE id = 1`);
      if (!unique) continue;
      const upsert =
        engine === 'postgresql' ? `ON CONFLICT (${column}) DO UPDATE SET` : 'ON DUPLICATE KEY UPDATE';
      writes.push(
        `INSERT INTO ${name} (${all}) VALUES (${[12, ...large].join(', ')}) ${upsert} ${column} = ${kind.large}`,
      );
    }
    writes.push(`DELETE FROM ${name} WHERE id = 2`);
  }
  return { reads, writes };
}
