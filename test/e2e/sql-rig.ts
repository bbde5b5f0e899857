import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createRig, type Rig } from './rig.ts';

/** A migration as a file of dbmate's, and as it is applied by hand. */
export interface SqlMigration {
  version: string;
  up: string;
  down: string;
}

/** A release of the application that works with a database. */
export interface SqlRelease {
  version: string;
  migrations: SqlMigration[];
  /** What it runs on each request. */
  statements: string[];
}

export interface SqlRig extends Rig {
  /** Migrates as a deployment does, and deploys the release. */
  release(release: SqlRelease): Promise<void>;
}

/** What the rig needs of an engine. */
export interface SqlEngine {
  driver: 'pg' | 'mysql2/promise' | 'libsql';
  /** As the application opens it. */
  database(folder: string): string;
  /** The `database` section of rollback.yaml, its keys indented by six spaces. */
  section: string;
  /** Runs statements; returns the rows of the last. */
  sql(text: string, folder: string): Promise<Record<string, unknown>[]>;
}

/** The local platform with an application behind which a real database is. */
export async function createSqlRig(engine: SqlEngine): Promise<SqlRig> {
  const rig = await createRig({
    extra: `    database:\n${engine.section}      queries: db/queries\n    backup:\n      path: backups\n`,
  });
  const driver = pathToFileURL(createRequire(import.meta.url).resolve(engine.driver)).href;
  await rig.configure((text) =>
    text.replace(
      /( +)CONTROL: .*/,
      (line, indent) =>
        `${line}\n${indent}DRIVER: ${JSON.stringify(driver)}\n${indent}DATABASE: ${JSON.stringify(engine.database(rig.folder))}`,
    ),
  );
  return {
    ...rig,
    async release({ version, migrations, statements }) {
      const from = join(rig.folder, `app-${version}`);
      await rm(from, { recursive: true, force: true });
      await cp('test/e2e/sql-app', from, { recursive: true });
      await writeFile(join(from, 'sql.json'), JSON.stringify(statements));
      await mkdir(join(from, 'db/queries'), { recursive: true });
      await writeFile(join(from, 'db/queries/app.sql'), `${statements.join(';\n')};\n`);
      await mkdir(join(from, 'db/migrations'), { recursive: true });
      const rows = await engine.sql('SELECT version FROM schema_migrations', rig.folder);
      const applied = new Set(rows.map((row) => String(row.version)));
      for (const { version: id, up, down } of migrations) {
        const text = `-- migrate:up\n${up};\n-- migrate:down\n${down};\n`;
        await writeFile(join(from, 'db/migrations', `${id}_change.sql`), text);
        if (applied.has(id)) continue;
        await engine.sql(`${up}; INSERT INTO schema_migrations VALUES ('${id}')`, rig.folder);
      }
      await rig.ok(['local', 'deploy', version, '--from', from, '--entrypoint', 'node server.mjs']);
    },
  };
}
