import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { OldModel } from './old-models.ts';
import { queriesNotFound } from './queries-not-found.ts';

/**
 * Models as a list of columns by table, YAML or JSON: `orders: [id, email, note]`; a table of a schema is
 * `billing.invoices`. Pure.
 * @throws RollbackError `QUERIES_NOT_FOUND`
 */
export function readColumnList(file: string, content: string): OldModel[] {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) throw queriesNotFound(file, `It can't be read: ${broken.message.split('\n')[0]}.`);
  const tables = document.contents;
  if (!isMap(tables)) throw noList(file);
  return tables.items.map(({ key, value }): OldModel => {
    const columns: unknown = (value as { toJSON?(): unknown } | null)?.toJSON?.();
    if (!isScalar(key) || !isList(columns)) throw noList(file);
    const name = String(key.value);
    const { line } = lines.linePos(key.range?.[0] ?? 0);
    const given = columns.map((column) => ({ name: column, given: 'always' as const }));
    return { file, line, name, table: name.split('.'), written: true, columns: given };
  });
}

function isList(columns: unknown): columns is string[] {
  return (
    Array.isArray(columns) && columns.length > 0 && columns.every((column) => typeof column === 'string')
  );
}

function noList(file: string): Error {
  return queriesNotFound(
    file,
    'A list of columns has for each table the names of its columns: { orders: [id, note] }.',
  );
}
