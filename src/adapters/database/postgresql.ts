import { manifestBackups } from './backup-manifest.ts';
import type { Database } from './database.ts';
import { backUpPostgresql } from './postgresql/back-up.ts';
import { postgresqlCatalog, withEmptyPostgresql } from './postgresql/catalog.ts';
import { postgresqlFacts } from './postgresql/facts.ts';
import type { PostgresqlOptions } from './postgresql/options.ts';
import { nameOf } from './postgresql/options.ts';
import { recordRestorePoint, restorePointOutlook } from './postgresql/pgbackrest/restore-points.ts';
import { preparePostgresql, statementsOfPostgresql } from './postgresql/prepare.ts';
import { replayPostgresql } from './postgresql/replay.ts';
import { restorePostgresql } from './postgresql/restore.ts';
import { changesPostgresql, postgresqlSwap } from './postgresql/swap.ts';
import { countPostgresql, takeBackPostgresql, withCopyPostgresql } from './postgresql/take-back.ts';
import { verifyPostgresql } from './postgresql/verify.ts';

/** Bytes a second: 30 MB were measured on a machine of two cores. */
const FIRST_RATE = 25_000_000;

/** PostgreSQL 13 or newer, asked through pg; a backup is pg_dump's own, in the custom format. */
export function postgresqlDatabase(options: PostgresqlOptions): Database {
  const name = nameOf(options);
  const { backupFolder: folder, keep } = options;
  const { proving, outlook, ...kept } = manifestBackups({
    folder,
    extension: 'dump',
    database: name,
    keep,
    firstRate: FIRST_RATE,
  });
  return {
    name,
    supportsTransactionalDdl: true,
    async facts(signal) {
      const facts = await postgresqlFacts(options, signal);
      const [backup, restorePoint] = await Promise.all([
        outlook(facts.sizeBytes).catch(() => undefined),
        restorePointOutlook(options, signal),
      ]);
      return { ...facts, backup, ...(restorePoint ? { restorePoint } : {}) };
    },
    catalog: (signal, inside) => postgresqlCatalog(options, signal, inside),
    withEmpty: (signal, work) => withEmptyPostgresql(options, signal, work),
    prepare: (texts, signal) => preparePostgresql(options, texts, signal),
    statements: (signal) => statementsOfPostgresql(options, signal),
    replay: (statements, signal, deadline) => replayPostgresql(options, statements, signal, deadline),
    backUp: (context) => backUpPostgresql(options, context),
    verify: (backup, signal, depth = 'full') =>
      proving(backup, depth, () => verifyPostgresql(options, backup, signal, depth)),
    restore: (backup, into, signal) => restorePostgresql(options, backup, into, signal),
    async recordRestorePoint(source, context) {
      if (source.kind !== 'pgbackrest') throw new TypeError(`${source.kind} keeps no PostgreSQL.`);
      return recordRestorePoint(options, source, context);
    },
    takeBack: (down, how) => takeBackPostgresql(options, down, how),
    withCopy: (backup, signal, work) => withCopyPostgresql(options, backup, signal, work),
    countLosses: (losses, signal) => countPostgresql(options, losses, signal),
    changesSince: (backup, signal) => changesPostgresql(options, backup, signal),
    swap: postgresqlSwap(options),
    ...kept,
  };
}
