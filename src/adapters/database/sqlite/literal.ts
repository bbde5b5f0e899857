import { isUtf8 } from 'node:buffer';

/** How text is stored, as `PRAGMA encoding` says it. */
export type TextEncoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

/** A value as read for a dump: text as the bytes that are stored, since not all text is valid. */
export type StoredValue =
  | { type: 'null' }
  | { type: 'integer'; value: bigint }
  | { type: 'real'; value: number }
  | { type: 'text'; bytes: Buffer }
  | { type: 'blob'; bytes: Buffer };

/** The value as an SQL literal that any SQLite reads back as the same value, storage class and all. */
export function literal(stored: StoredValue, encoding: TextEncoding): string {
  switch (stored.type) {
    case 'null':
      return 'NULL';
    case 'integer':
      return stored.value.toString();
    case 'real':
      return realLiteral(stored.value);
    case 'blob':
      return `X'${stored.bytes.toString('hex')}'`;
    case 'text':
      return textLiteral(stored.bytes, encoding);
  }
}

/** A name between double quotes. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The characters of stored text; undefined where the bytes are not valid in the encoding. */
export function decodeText(bytes: Buffer, encoding: TextEncoding): string | undefined {
  if (encoding === 'UTF-8') return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  if (bytes.length % 2 !== 0) return undefined;
  const text = (encoding === 'UTF-16be' ? Buffer.from(bytes).swap16() : bytes).toString('utf16le');
  return LONE_SURROGATE.test(text) ? undefined : text;
}

function textLiteral(bytes: Buffer, encoding: TextEncoding): string {
  const text = decodeText(bytes, encoding);
  // A NUL ends the text for SQLite's tokenizer; the sqlite3 shell drops a carriage return before a line feed.
  if (text === undefined || /[\0\r]/.test(text) || text.startsWith('\ufeff')) {
    return `CAST(X'${bytes.toString('hex')}' AS TEXT)`;
  }
  return quoteText(text);
}

function realLiteral(value: number): string {
  if (Number.isNaN(value)) return 'NULL';
  if (value === Infinity) return '9e999';
  if (value === -Infinity) return '-9e999';
  if (Object.is(value, -0)) return '-0.0';
  const shortest = String(value);
  const digits = shortest.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '');
  // SQLite reads up to 15 digits of moderate size exactly; more need all 17, or the last bit may differ.
  if (digits.length > 15 || /e/.test(shortest)) return value.toExponential(16);
  return shortest.includes('.') ? shortest : `${shortest}.0`;
}

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
