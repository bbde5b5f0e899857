import type { DatabaseFacts } from '../model/facts.ts';
import type { CatalogColumn, CatalogTable } from './catalog.ts';

/** Statements that mend one thing, and those that take them back. */
export interface Piece {
  up: string[];
  down: string[];
}

type Engine = DatabaseFacts['engine'];

const ALLOW = '-- rollback-deploy-auto:allow';

/** A column that was dropped: back, and empty. */
export function bridgeColumn(table: string, column: CatalogColumn): Piece {
  const { name } = column;
  return {
    up: [
      `${ALLOW} name-reused the values from before are gone, so it is NULL until somebody writes it\nALTER TABLE ${table} ADD COLUMN ${name} ${typeOf(column)}`,
    ],
    down: [`ALTER TABLE ${table} DROP COLUMN ${name}`],
  };
}

/** A column that was renamed: both, kept equal by triggers. */
export function bridgeRename(table: string, old: CatalogColumn, now: CatalogColumn, engine: Engine): Piece[] {
  const [a, b] = [old.name, now.name];
  const name = `rollback_bridge_${bare(table)}_${a}`;
  const add = [
    `${ALLOW} name-reused kept equal to ${b} by the triggers ${name}\nALTER TABLE ${table} ADD COLUMN ${a} ${typeOf(now)}`,
    `${ALLOW} update-data the new column alone is filled\nUPDATE ${table} SET ${a} = ${b}`,
  ];
  const drop = `ALTER TABLE ${table} DROP COLUMN ${a}`;
  if (engine === 'postgresql') {
    const body = [
      'BEGIN',
      `  IF TG_OP = 'INSERT' THEN NEW.${b} := coalesce(NEW.${a}, NEW.${b});`,
      `  ELSIF NEW.${a} IS DISTINCT FROM OLD.${a} THEN NEW.${b} := NEW.${a};`,
      '  END IF;',
      `  NEW.${a} := NEW.${b};`,
      '  RETURN NEW;',
      'END',
    ].join('\n');
    return [
      {
        up: [
          ...add,
          `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $bridge$\n${body}\n$bridge$`,
          `CREATE TRIGGER ${name} BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${name}()`,
        ],
        down: [`DROP TRIGGER ${name} ON ${table}`, `DROP FUNCTION ${name}()`, drop],
      },
    ];
  }
  if (engine === 'mysql') {
    const either = `NEW.${b} = COALESCE(NEW.${a}, NEW.${b}), NEW.${a} = NEW.${b}`;
    const newer = `NEW.${b} = IF(NEW.${a} <=> OLD.${a}, NEW.${b}, NEW.${a}), NEW.${a} = NEW.${b}`;
    return [
      {
        up: [
          ...add,
          `CREATE TRIGGER ${name}_insert BEFORE INSERT ON ${table} FOR EACH ROW SET ${either}`,
          `CREATE TRIGGER ${name}_update BEFORE UPDATE ON ${table} FOR EACH ROW SET ${newer}`,
        ],
        down: [`DROP TRIGGER ${name}_update`, `DROP TRIGGER ${name}_insert`, drop],
      },
    ];
  }
  // SQLite can't change a row before it is written, so a value that must be there would be missed.
  if (now.notNull && !now.filled) return [];
  const differ = `coalesce(NEW.${a} <> NEW.${b}, (NEW.${a} IS NULL) <> (NEW.${b} IS NULL))`;
  const follow = (event: string, when: string, set: string) =>
    `CREATE TRIGGER ${name}_${event.replaceAll(' ', '_').toLowerCase()} AFTER ${event} ON ${table} WHEN ${when} BEGIN UPDATE ${table} SET ${set} WHERE rowid = NEW.rowid; END`;
  return [
    {
      up: [
        ...add,
        follow('INSERT', differ, `${b} = coalesce(NEW.${a}, NEW.${b}), ${a} = coalesce(NEW.${a}, NEW.${b})`),
        follow(`UPDATE OF ${a}`, differ, `${b} = NEW.${a}`),
        follow(`UPDATE OF ${b}`, differ, `${a} = NEW.${b}`),
      ],
      down: [
        `DROP TRIGGER ${name}_insert`,
        `DROP TRIGGER ${name}_update_of_${a.toLowerCase()}`,
        `DROP TRIGGER ${name}_update_of_${b.toLowerCase()}`,
        drop,
      ],
    },
  ];
}

/**
 * A column that an INSERT of the old code leaves out, and that must be given.
 * @param value its default from before; undefined where there was none, null where it might be NULL
 */
export function bridgeRequired(
  table: string,
  column: CatalogColumn,
  value: string | null | undefined,
  engine: Engine,
): Piece[] {
  // It changes no column of a table that is there.
  if (engine === 'sqlite') return [];
  const alter = `ALTER TABLE ${table} ALTER COLUMN ${column.name}`;
  if (value === null) {
    return engine === 'postgresql'
      ? [{ up: [`${alter} DROP NOT NULL`], down: [`${alter} SET NOT NULL`] }]
      : [
          {
            up: [`ALTER TABLE ${table} MODIFY COLUMN ${column.name} ${typeOf(column)} NULL`],
            down: [`ALTER TABLE ${table} MODIFY COLUMN ${column.name} ${typeOf(column)} NOT NULL`],
          },
        ];
  }
  const given = value ?? neutral(column);
  if (given === undefined) return bridgeRequired(table, column, null, engine);
  return [{ up: [`${alter} SET DEFAULT ${given}`], down: [`${alter} DROP DEFAULT`] }];
}

/** A table that is gone: a view of it where it has another name now, else an empty one. */
export function bridgeTable(old: CatalogTable, now: CatalogTable | undefined, engine: Engine): Piece[] {
  if (now) {
    // A view can't be written to there.
    if (engine === 'sqlite') return [];
    return [
      {
        up: [`CREATE VIEW ${old.name} AS SELECT * FROM ${now.name}`],
        down: [`DROP VIEW ${old.name}`],
      },
    ];
  }
  if (!old.complete) return [];
  const columns = [...old.columns.values()].map((column) => `${column.name} ${typeOf(column)}`);
  const keys = old.constraints.flatMap(({ kind, columns: on }) =>
    (kind === 'primary-key' || kind === 'unique') && on.length > 0
      ? [`${kind === 'unique' ? 'UNIQUE' : 'PRIMARY KEY'} (${on.join(', ')})`]
      : [],
  );
  return [
    {
      up: [
        `${ALLOW} name-reused its rows are in a backup from before alone; this one is empty\nCREATE TABLE ${old.name} (${[...columns, ...keys].join(', ')})`,
      ],
      down: [`DROP TABLE ${old.name}`],
    },
  ];
}

/** A value that says nothing; undefined where the type has none. */
function neutral({ family, type }: CatalogColumn): string | undefined {
  const kind = `${family} ${type}`.toLowerCase();
  if (/bool/.test(kind)) return 'false';
  if (/integer|number|float|decimal|numeric|real|double/.test(kind)) return '0';
  if (/json/.test(kind)) return undefined;
  if (/timestamp|datetime/.test(kind)) return 'CURRENT_TIMESTAMP';
  return /text|char/.test(kind) ? `''` : undefined;
}

function typeOf({ type, size }: CatalogColumn): string {
  if (type === '') return '';
  return size && !type.includes('(') ? `${type}(${size.join(', ')})` : type;
}

function bare(table: string): string {
  return (table.split('.').at(-1) as string).replaceAll(/\W/g, '_');
}
