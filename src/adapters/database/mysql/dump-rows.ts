const QUOTE = 39;
const BACKSLASH = 92;
const OPEN = 40;
const CLOSE = 41;
const COMMA = 44;
const SEMICOLON = 59;

/** The rows of a line of an extended INSERT, each without its parentheses: MariaDB writes one a line, MySQL all in one. */
export function* rowsOf(line: Buffer): Generator<Buffer> {
  if (isOneRow(line)) {
    yield line.subarray(1, line.length - 2);
    return;
  }
  let start = -1;
  for (let at = 0; at < line.length; at++) {
    const byte = line[at];
    if (byte === QUOTE) at = endOfText(line, at);
    else if (byte === OPEN && start === -1) start = at + 1;
    else if (byte === CLOSE && start !== -1) {
      yield line.subarray(start, at);
      start = -1;
    }
  }
  // Cut off within a row: it counts, so that it differs.
  if (start !== -1) yield line.subarray(start);
}

/** `),(` can be in a text, so what looks like an end in the middle must be looked at. */
function isOneRow(line: Buffer): boolean {
  const last = line[line.length - 1];
  const ends = line[line.length - 2] === CLOSE && (last === COMMA || last === SEMICOLON);
  return line[0] === OPEN && ends && line.indexOf('),(', 1, 'latin1') === -1;
}

/** Texts escape quotes and backslashes with a backslash. */
function endOfText(line: Buffer, start: number): number {
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === BACKSLASH) at++;
    else if (line[at] === QUOTE) return at;
  }
  return line.length;
}
