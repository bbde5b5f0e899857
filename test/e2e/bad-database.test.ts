import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canMount, readOnlyFolder, smallDisk } from './mount.ts';
import type { Rig } from './rig.ts';
import { createRig } from './rig.ts';
import type { Row } from './row.ts';
import { BAD, deployBad, deployGood, GOOD, plainText, runRow } from './row.ts';

const STARTED = { [BAD]: 3 };
const TO_GOOD = ['--version', GOOD, '--reason', 'table of bad databases'];

const DROP_COLUMN = `-- migrate:up
ALTER TABLE orders DROP COLUMN item;
-- migrate:down
ALTER TABLE orders ADD COLUMN item TEXT;
`;

const rows: Row[] = [
  {
    what: 'a database that another process has locked',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Rollback to v2.14.3 refused by migrations (REFUSED)',
      'Database migrations between versions could not be checked.',
      'The database sqlite data/shop.db is locked: Another process has held its write lock for 5 s, and nothing can be read meanwhile.',
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'End the long transaction or exclusive lock that holds it, then try again.',
      'To go ahead all the same, knowing this: rollback-deploy-auto --version v2.14.3 --strategy rolling --accept migrations --reason TEXT',
    ],
    says: ['  [UNKNOWN] Database migrations between versions could not be checked\n'],
    serving: STARTED,
    async arrange(rig) {
      const db = new Database(databaseOf(rig));
      db.exec('BEGIN EXCLUSIVE');
      return () => db.close();
    },
  },
  {
    what: 'a database file that is not there',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Rollback to v2.14.3 refused by migrations (REFUSED)',
      'Database migrations between versions could not be checked.',
      'There is no database sqlite data/shop.db: The file {folder}/data/shop.db does not exist.',
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Correct database.path in rollback.yaml.',
      'To go ahead all the same, knowing this: rollback-deploy-auto --version v2.14.3 --strategy rolling --accept migrations --reason TEXT',
    ],
    says: ['  [UNKNOWN] Database migrations between versions could not be checked\n'],
    serving: STARTED,
    async arrange(rig) {
      await rename(databaseOf(rig), `${databaseOf(rig)}.away`);
      return () => rename(`${databaseOf(rig)}.away`, databaseOf(rig));
    },
  },
  {
    what: 'a backup folder below a file',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Cannot back up sqlite data/shop.db (BACKUP_FAILED)',
      "The folder {folder}/file/backups can't be written to (ENOTDIR).",
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Give this user the right to write there, or set backup.path in rollback.yaml to another folder.',
    ],
    says: ['  [FAIL] Cannot back up sqlite data/shop.db\n'],
    serving: STARTED,
    async arrange(rig) {
      await writeFile(join(rig.folder, 'file'), '');
      await rig.configure((text) => text.replace('path: backups', 'path: file/backups'));
      return () => rig.configure((text) => text.replace('path: file/backups', 'path: backups'));
    },
  },
];

const mounted: Row[] = [
  {
    what: 'a disk too full for the backup',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Cannot back up sqlite data/shop.db (BACKUP_FAILED)',
      'Not enough space for a backup. The backup and the copy it is proven with need about 10.0 MB in {folder}/backups; 0.1 MB are free.',
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Make room there, or set backup.path in rollback.yaml to a folder on another disk.',
    ],
    says: ['  [FAIL] Cannot back up sqlite data/shop.db\n'],
    serving: STARTED,
    arrange: (rig) => smallDisk(join(rig.folder, 'backups'), 64),
  },
  {
    what: 'a backup folder that is read-only',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Cannot back up sqlite data/shop.db (BACKUP_FAILED)',
      "The folder {folder}/backups can't be written to (EROFS).",
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Give this user the right to write there, or set backup.path in rollback.yaml to another folder.',
    ],
    says: ['  [FAIL] Cannot back up sqlite data/shop.db\n'],
    serving: STARTED,
    arrange: (rig) => readOnlyFolder(join(rig.folder, 'backups')),
  },
];

const destructive: Row[] = [
  {
    what: 'a migration that dropped a column',
    args: TO_GOOD,
    exit: 4,
    error: [
      'Error: Rollback to v2.14.3 refused by migrations (REFUSED)',
      '1 destructive migration between v2.14.3 and v2.14.4.',
      "db/migrations/20260201000000_drop_item.sql:2: ALTER TABLE orders DROP COLUMN item (drop-column: data destroyed). The old code's statements that name orders.item fail, and the values of the column are gone.",
      'The live schema was compared with that of v2.14.3, made anew from its migrations: it shows nothing else.',
      'Production is unchanged: 3 instances of v2.14.4 serve.',
      'Reverse migration: add --reverse-migrations; the down is tried on a restored copy of the backup, then run before anything moves. Nothing written since is lost. It does not bring back what the migration destroyed.',
      'To go ahead all the same, knowing this: rollback-deploy-auto --version v2.14.3 --strategy rolling --accept migrations --reason TEXT',
    ],
    says: [
      '  [FAIL] 1 destructive migration between v2.14.3 and v2.14.4\n',
      '    Fix: Reverse migration: ',
      '    Or: Restore: restore a backup taken before the migration; everything written since is lost.\n',
      '    Or: Forward fix: ship a release with the fix on the present schema. ',
    ],
    serving: STARTED,
    async arrange(rig) {
      const db = new Database(databaseOf(rig));
      db.exec("ALTER TABLE orders DROP COLUMN item; INSERT INTO schema_migrations VALUES ('20260201000000')");
      db.close();
      return undefined;
    },
  },
  {
    what: 'the same migration, waived by name',
    args: ['--version', GOOD, '--accept', 'migrations', '--reason', 'v2.14.3 does not read items'],
    exit: 0,
    error: undefined,
    says: [
      '    waived: v2.14.3 does not read items\n',
      '  [OK] Database backup completed: {backup}\n',
      'All instances healthy. Traffic fully restored.\n',
    ],
    serving: { [GOOD]: 3 },
    async after(rig) {
      const { stdout } = await rig.ok(['show', 'last']);
      expect(plainText(stdout, rig)).toContain('waived: v2.14.3 does not read items\n');
      const record = JSON.parse((await rig.ok(['show', 'last', '--output', 'json'])).stdout);
      const finding = record.checks.find((one: { check: string }) => one.check === 'migrations');
      expect(finding.waived).toEqual({ reason: 'v2.14.3 does not read items' });
    },
  },
];

describe('a bad database leaves production as it is, and says what to do', () => {
  let rig: Rig;

  beforeAll(async () => {
    rig = await createRig({ extra: CONFIGURED });
    await mkdir(join(rig.folder, 'data'));
    await mkdir(join(rig.folder, 'backups'));
    const db = new Database(databaseOf(rig));
    db.exec('CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY)');
    db.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)');
    db.exec("INSERT INTO schema_migrations VALUES ('20260101000000'); INSERT INTO orders VALUES (1, 'tea')");
    db.close();
    await deployGood(rig);
    // The application ships the migration that made the table.
    await ship(rig, BAD, { '20260201000000_drop_item.sql': DROP_COLUMN });
    await deployBad(rig, 'good');
  }, 120_000);

  afterAll(() => rig?.close());

  for (const row of rows) test(row.what, { timeout: 60_000 }, () => runRow(rig, row));

  for (const row of mounted) {
    test(row.what, { timeout: 60_000 }, async ({ skip }) => {
      if (!(await canMount(join(rig.folder, 'mounts'))))
        skip('Nothing can be mounted here: not root on Linux.');
      await runRow(rig, row);
    });
  }

  for (const row of destructive) test(row.what, { timeout: 60_000 }, () => runRow(rig, row));
});

const CONFIGURED = `    database:
      kind: sqlite
      path: data/shop.db
    backup:
      path: backups
`;

function databaseOf(rig: Rig): string {
  return join(rig.folder, 'data', 'shop.db');
}

/** Puts migrations into the folder that the version's image will be built from. */
async function ship(rig: Rig, version: string, files: Record<string, string>): Promise<void> {
  const folder = join(rig.folder, `app-${version}`, 'db', 'migrations');
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
