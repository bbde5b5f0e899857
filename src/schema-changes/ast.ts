/** Reads from a syntax tree of unknown shape: undefined where there is no such thing. */
export function at(node: unknown, ...path: (string | number)[]): unknown {
  let value = node;
  for (const key of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}

export function list(node: unknown, ...path: (string | number)[]): unknown[] {
  const value = at(node, ...path);
  return Array.isArray(value) ? value : [];
}

/** The kind of a node that is written `'Kind'` or `{Kind: ...}`. */
export function kindOf(node: unknown): string {
  if (typeof node === 'string') return node;
  return node && typeof node === 'object' ? (Object.keys(node)[0] ?? '') : '';
}

/** Last part of a name such as `main.orders`. */
export function nameOf(parts: unknown): string {
  const last = Array.isArray(parts) ? parts.at(-1) : undefined;
  const name = at(last, 'Identifier', 'value') ?? at(last, 'value');
  if (typeof name !== 'string') throw new UnreadableTree('a name');
  return name;
}

/** The tree is not as the parser is known to make it; the statement is then unknown. */
export class UnreadableTree extends Error {
  constructor(what: string) {
    super(`The parser's answer could not be understood: ${what}.`);
  }
}

/** Equal for equal trees, wherever in the text they stand and however names are quoted. */
export function fingerprint(node: unknown): string {
  return JSON.stringify(node, (key, value) => {
    if (key === 'span' || key === 'quote_style' || key.endsWith('_token')) return undefined;
    return typeof value === 'string' && key === 'value' ? value.toLowerCase() : value;
  });
}
