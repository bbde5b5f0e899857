import type { DatabaseFacts } from '../../model/facts.ts';
import type { CountedLoss, Loss } from '../../model/reversal.ts';
import { messageOf } from './backup-folder.ts';

/** The query that counts a loss. */
function queryOf({ table, column }: Loss, engine: DatabaseFacts['engine']): string {
  const quote = (name: string) =>
    engine === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
  const values = column === undefined ? '' : `, count(${quote(column)}) AS ${quote('values')}`;
  const name = engine === 'sqlite' ? quote(table) : table.split('.').map(quote).join('.');
  return `SELECT count(*) AS ${quote('rows')}${values} FROM ${name}`;
}

/** Asks for each; what can't be counted says why. */
export async function countEach(
  losses: readonly Loss[],
  engine: DatabaseFacts['engine'],
  signal: AbortSignal,
  ask: (query: string, loss: Loss) => Promise<{ rows: unknown; values?: unknown }>,
): Promise<CountedLoss[]> {
  const counted: CountedLoss[] = [];
  for (const loss of losses) {
    const query = queryOf(loss, engine);
    try {
      const { rows, values } = await ask(query, loss);
      counted.push({
        ...loss,
        query,
        rows: Number(rows),
        ...(values === undefined ? {} : { values: Number(values) }),
      });
    } catch (error) {
      signal.throwIfAborted();
      counted.push({ ...loss, query, rows: undefined, unknown: messageOf(error) });
    }
  }
  return counted;
}
