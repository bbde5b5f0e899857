import pc from 'picocolors';

/** What is needed to write, and to know whether anybody looks on. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
}

/** Colours only on a terminal, and never where NO_COLOR is set (no-color.org) or the terminal can't. */
export function coloursFor(output: Output): ReturnType<typeof pc.createColors> {
  const { NO_COLOR, TERM } = process.env;
  return pc.createColors(output.isTTY === true && !NO_COLOR && TERM !== 'dumb');
}

/** Colours the status word of a line of the report, and nothing else. */
export function colourStatus(output: Output): (line: string) => string {
  const colours = coloursFor(output);
  const byWord: Record<string, (text: string) => string> = {
    '[OK]': colours.green,
    '[WARN]': colours.yellow,
    '[UNKNOWN]': colours.yellow,
    '[SKIPPED]': colours.dim,
    '[FAIL]': colours.red,
    '...done': colours.green,
    '...healthy': colours.green,
    '...failed': colours.red,
    '...not finished': colours.yellow,
  };
  return (line) => {
    const word = /^ {2}(\[[A-Z]+\])/.exec(line)?.[1] ?? /^ {2}\[\d.*(\.\.\.[a-z ]+)$/.exec(line)?.[1];
    const colour = word === undefined ? undefined : byWord[word];
    if (word === undefined || colour === undefined) return line;
    const start = word.startsWith('[') ? line.indexOf(word) : line.lastIndexOf(word);
    return line.slice(0, start) + colour(word) + line.slice(start + word.length);
  };
}
