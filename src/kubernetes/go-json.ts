const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * JSON as Go's encoder writes a map (package encoding/json, `Marshal` and `HTMLEscape`): keys in order, some characters
 * escaped. The API server compares the values of a JSON Patch `test` byte by byte with what it has encoded so (`=>`
 * unescaped never equals itself), and controllers so compare the data of a ControllerRevision.
 */
export function goJson(value: unknown): string {
  return inOrder(value).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Written by hand, since an object puts keys that are numbers first, whatever the order they were set in. */
function inOrder(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => inOrder(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined);
  fields.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${inOrder(inner)}`).join(',')}}`;
}
