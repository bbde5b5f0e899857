import type { TableChange } from './database.ts';

/** Rows are the same, and the schema is another. */
export const DEFINITIONS: TableChange = { table: 'definitions', before: undefined, now: undefined };

/** Tables whose number of rows is another, and those that `differs` knows to hold other values. */
export function tableChanges(
  before: Record<string, number>,
  now: Record<string, number>,
  differs: (table: string) => boolean,
): TableChange[] {
  const tables = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...tables].sort().flatMap((table) => {
    const change = { table, before: before[table], now: now[table] };
    return change.before === change.now && !differs(table) ? [] : [change];
  });
}
