import type { MigrationFormat } from '../../model/migration-formats.ts';
import type { Migration } from '../../model/release.ts';
import type { MigrationFile } from './migrations.ts';

interface NewMigration {
  name: string;
  up: string[];
  down: string[];
}

/** Formats in which a migration of SQL can be written. */
export const WRITTEN_FORMATS = [
  'dbmate',
  'diesel',
  'flyway',
  'golang-migrate',
  'goose',
  'prisma',
  'sqlx',
] as const satisfies readonly MigrationFormat[];

/**
 * The files of a new migration that comes after all others, as the tool itself would lay them out. Paths are below the
 * folder. Pure.
 * @param nowMs Its time, where versions are times.
 * @returns undefined for a format in which none is written
 */
export function newMigrationFiles(
  format: MigrationFormat,
  existing: readonly Migration[],
  files: readonly MigrationFile[],
  made: NewMigration,
  nowMs: number,
): MigrationFile[] | undefined {
  const { name } = made;
  const version = nextVersion(existing, nowMs);
  const [up, down] = [script(made.up), script(made.down)];
  switch (format) {
    case 'dbmate':
      return [{ path: `${version}_${name}.sql`, content: `-- migrate:up\n${up}\n-- migrate:down\n${down}` }];
    case 'goose':
      return [
        {
          path: `${version}_${name}.sql`,
          content: `-- +goose Up\n${each(made.up)}\n-- +goose Down\n${each(made.down)}`,
        },
      ];
    case 'golang-migrate':
      return pair(`${version}_${name}`, up, down);
    case 'sqlx':
      // Migrations that can be taken back and such that can't are not mixed.
      return files.some(({ path }) => path.endsWith('.up.sql'))
        ? pair(`${version}_${name}`, up, down)
        : [{ path: `${version}_${name}.sql`, content: up }];
    case 'flyway':
      return [
        { path: `V${version}__${name}.sql`, content: up },
        ...(files.some(({ path }) => /(?:^|\/)U\d[^/]*$/.test(path))
          ? [{ path: `U${version}__${name}.sql`, content: down }]
          : []),
      ];
    case 'diesel':
      return [
        { path: `${version}_${name}/up.sql`, content: up },
        { path: `${version}_${name}/down.sql`, content: down },
      ];
    case 'prisma':
      return [{ path: `${version}_${name}/migration.sql`, content: up }];
    default:
      return undefined;
  }
}

function pair(name: string, up: string, down: string): MigrationFile[] {
  return [
    { path: `${name}.up.sql`, content: up },
    { path: `${name}.down.sql`, content: down },
  ];
}

function script(statements: readonly string[]): string {
  return statements.map((text) => `${text};\n`).join('');
}

/** Statements with semicolons in them are to be marked. */
function each(statements: readonly string[]): string {
  return statements
    .map((text) =>
      text.includes(';') ? `-- +goose StatementBegin\n${text};\n-- +goose StatementEnd\n` : `${text};\n`,
    )
    .join('');
}

/** A time where the last one is a time, else the number after it, as wide. */
function nextVersion(existing: readonly Migration[], nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace(/\D/g, '');
  const last = existing.findLast(({ repeatable }) => !repeatable);
  // As the file writes it: zeros before it and dots are not in the version.
  const base = last?.file.split('/').findLast((part) => /^V?\d/.test(part)) ?? '';
  const digits = /^V?(\d+)/.exec(base)?.[1];
  if (digits === undefined) return stamp;
  if (digits.length >= 12) return digits >= stamp.slice(0, digits.length) ? plusOne(digits) : stamp;
  return plusOne(digits);
}

function plusOne(digits: string): string {
  return String(BigInt(digits) + 1n).padStart(digits.length, '0');
}
