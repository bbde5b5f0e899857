import { messageOf } from '../backup-folder.ts';
import type { Prepared } from '../database.ts';
import { withSession } from './connection.ts';
import type { MysqlOptions } from './options.ts';

const OF_SCHEMA =
  /^ER_(?:NO_SUCH_TABLE|BAD_FIELD_ERROR|BAD_TABLE_ERROR|SP_DOES_NOT_EXIST|WRONG_VALUE_COUNT|WRONG_VALUE_COUNT_ON_ROW|NON_UNIQ_ERROR|VIEW_INVALID|NON_UPDATABLE_TABLE|NON_INSERTABLE_TABLE|GENERATED_COLUMN_NON_DEFAULT|NO_SUCH_FIELD|UNKNOWN_TABLE)/;

/** Prepares and runs nothing. The text is one statement: a prepared one can't be several. */
export async function prepareMysql(
  options: MysqlOptions,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Prepared[]> {
  return withSession(options, { signal }, async (session) => {
    const prepared: Prepared[] = [];
    for (const text of texts) {
      try {
        await session.rows('PREPARE rollback_deploy_auto FROM ?', [text]);
        await session.rows('DEALLOCATE PREPARE rollback_deploy_auto');
        prepared.push({ fails: false });
      } catch (error) {
        const code = (error as { code?: string }).code ?? '';
        if (!code.startsWith('ER_')) throw error;
        const fails = OF_SCHEMA.test(code) ? true : 'unknown';
        prepared.push({ fails, error: messageOf(error) });
      }
    }
    return prepared;
  });
}
