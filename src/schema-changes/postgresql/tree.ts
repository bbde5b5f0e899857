import { at, list, UnreadableTree } from '../ast.ts';

/** Names as PostgreSQL's parser gives them are folded already; those of the schema `public` are written without it. */
export function relationName(node: unknown): string {
  const name = at(node, 'relname');
  if (typeof name !== 'string') throw new UnreadableTree('the name of a table');
  const schema = at(node, 'schemaname');
  return typeof schema === 'string' && schema !== 'public' ? `${schema}.${name}` : name;
}

/** A name given as a list of its parts. */
export function listName(parts: unknown[]): string {
  const names = strings(parts).filter(
    (name, i, all) => i === all.length - 1 || !/^(?:public|pg_catalog)$/.test(name),
  );
  if (names.length === 0) throw new UnreadableTree('a name');
  return names.join('.');
}

/** The texts of a list of String nodes. */
export function strings(nodes: unknown[]): string[] {
  return nodes.flatMap((node) => {
    const text = at(node, 'String', 'sval');
    return typeof text === 'string' ? [text] : [];
  });
}

export function text(node: unknown, ...path: string[]): string {
  const value = at(node, ...path);
  if (typeof value !== 'string') throw new UnreadableTree(path.join('.'));
  return value;
}

/** Equal for equal trees, wherever in the text they stand. */
export function fingerprint(node: unknown): string {
  return JSON.stringify(node, (key, value) => {
    if (/^(?:location|stmt_location|stmt_len|\w*list_start|\w*list_end)$/.test(key)) return undefined;
    return key === 'schemaname' && value === 'public' ? undefined : value;
  });
}

/** Every node of that kind inside, this one included. */
export function inside(node: unknown, kind: string): unknown[] {
  if (node === null || typeof node !== 'object') return [];
  return Object.entries(node).flatMap(([key, value]) => [
    ...(key === kind ? [value] : []),
    ...inside(value, kind),
  ]);
}

/** Last part of a column's name; undefined where the expression is not just a column. */
export function columnName(expression: unknown): string | undefined {
  const field = list(expression, 'ColumnRef', 'fields').at(-1);
  const name = at(field, 'String', 'sval');
  return typeof name === 'string' ? name : undefined;
}
