import { manifestBackups } from './backup-manifest.ts';
import type { Database } from './database.ts';
import { backUpMysql } from './mysql/back-up.ts';
import { mysqlCatalog, withEmptyMysql } from './mysql/catalog.ts';
import { changesMysql, countMysql, withCopyMysql } from './mysql/copy.ts';
import { mysqlFacts } from './mysql/facts.ts';
import { withOptionFiles } from './mysql/option-files.ts';
import type { MysqlOptions } from './mysql/options.ts';
import { nameOf } from './mysql/options.ts';
import { prepareMysql } from './mysql/prepare.ts';
import { replayMysql } from './mysql/replay.ts';
import { restoreMysql } from './mysql/restore.ts';
import { mysqlSwap } from './mysql/swap.ts';
import { takeBackMysql } from './mysql/take-back.ts';
import { verifyMysql } from './mysql/verify.ts';

/** Bytes a second: 10 MB were measured on a machine of two cores. */
const FIRST_RATE = 8_000_000;

/** MySQL and MariaDB, asked through mysql2; a backup is the dump of the server's own tool, as SQL. */
export function mysqlDatabase(given: MysqlOptions): Database {
  const options = { ...given, address: async () => withOptionFiles(await given.address()) };
  const name = nameOf(options);
  const { backupFolder: folder, keep } = options;
  const { proving, outlook, ...kept } = manifestBackups({
    folder,
    extension: 'sql',
    database: name,
    keep,
    firstRate: FIRST_RATE,
  });
  return {
    name,
    supportsTransactionalDdl: false,
    async facts(signal) {
      const facts = await mysqlFacts(options, signal);
      return { ...facts, backup: await outlook(facts.sizeBytes).catch(() => undefined) };
    },
    catalog: (signal, inside) => mysqlCatalog(options, signal, inside),
    withEmpty: (signal, work) => withEmptyMysql(options, signal, work),
    prepare: (texts, signal) => prepareMysql(options, texts, signal),
    replay: (statements, signal, deadline) => replayMysql(options, statements, signal, deadline),
    backUp: (context) => backUpMysql(options, context),
    verify: (backup, signal, depth = 'full') =>
      proving(backup, depth, () => verifyMysql(options, backup, signal, depth)),
    restore: (backup, into, signal) => restoreMysql(options, backup, into, signal),
    takeBack: (down, how) => takeBackMysql(options, down, how),
    withCopy: (backup, signal, work) => withCopyMysql(options, backup, signal, work),
    countLosses: (losses, signal) => countMysql(options, losses, signal),
    changesSince: (backup, signal) => changesMysql(options, backup, signal),
    swap: mysqlSwap(options),
    ...kept,
  };
}
