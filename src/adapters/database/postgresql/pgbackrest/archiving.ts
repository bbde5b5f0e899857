import type { Session } from '../connection.ts';

/** What a server says of the archive of its WAL, and what this role may do about it. */
export interface Archiving {
  systemId: string;
  standby: boolean;
  mode: string;
  command: string;
  /** After how long a segment is archived though it is not full, s; 0 for never. */
  timeoutS: number;
  segmentBytes: number;
  mayRecord: boolean;
  maySwitch: boolean;
  /** The last segment that was archived, and whether a later attempt has failed. */
  archived: string | null;
  failing: string | null;
}

/** Every role may ask this. */
export async function readArchiving(session: Session): Promise<Archiving> {
  const [row] = await session.rows<Archiving>(`
    SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS "systemId",
      pg_catalog.pg_is_in_recovery() AS standby,
      pg_catalog.current_setting('archive_mode') AS mode,
      pg_catalog.current_setting('archive_command') AS command,
      (SELECT setting::int FROM pg_catalog.pg_settings WHERE name = 'archive_timeout') AS "timeoutS",
      (SELECT bytes_per_wal_segment FROM pg_catalog.pg_control_init()) AS "segmentBytes",
      pg_catalog.has_function_privilege('pg_catalog.pg_create_restore_point(text)', 'EXECUTE') AS "mayRecord",
      pg_catalog.has_function_privilege('pg_catalog.pg_switch_wal()', 'EXECUTE') AS "maySwitch",
      last_archived_wal AS archived,
      CASE WHEN last_failed_time > COALESCE(last_archived_time, '-infinity') THEN last_failed_wal END AS failing
    FROM pg_catalog.pg_stat_archiver`);
  return row as Archiving;
}

/** Why the server can't record a restore point that reaches the archive; undefined where it can. */
export function archivingProblem(
  archiving: Archiving,
  user: string,
): { why: string; fix: string } | undefined {
  const { standby, mode, failing, mayRecord, maySwitch, timeoutS } = archiving;
  if (standby)
    return {
      why: 'The server is a standby, where no restore point can be recorded.',
      fix: 'Name the primary in rollback.yaml under database.',
    };
  if (mode === 'off')
    return {
      why: 'The server does not archive its WAL (archive_mode is off).',
      fix: 'Set archive_mode and archive_command as the backup tool says, and restart the server.',
    };
  if (failing !== null)
    return {
      why: `The server could not archive its WAL: ${failing} failed last.`,
      fix: "See the server's log for what archive_command says.",
    };
  if (!mayRecord)
    return {
      why: `"${user}" may not record a restore point.`,
      fix: `In this database: GRANT EXECUTE ON FUNCTION pg_create_restore_point(text), pg_switch_wal() TO "${user}"`,
    };
  if (!maySwitch && timeoutS === 0)
    return {
      why: `"${user}" may not end a WAL segment, and without archive_timeout nobody knows when the server does.`,
      fix: `In this database: GRANT EXECUTE ON FUNCTION pg_switch_wal() TO "${user}"; or set archive_timeout.`,
    };
  return undefined;
}
