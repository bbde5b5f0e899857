/** One statement as MySQL's client would send it. */
export interface MysqlStatement {
  /** Without comments before it and the delimiter after it; what MySQL runs inside of comments is bare. */
  text: string;
  /** The comments before it, and the text. */
  comments: string;
  /** Line of its first word, from 1. */
  line: number;
}

/** Strings, names and comments, as a whole: what is in them ends no statement. */
const TOKEN =
  /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`|(?:--(?=\s|$)|#)[^\n]*|\/\*(?![!M])[\s\S]*?(?:\*\/|$)|\w+|[\s\S]/gy;
const LEADING = /^(?:\s|(?:--(?=\s|$)|#)[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;
const DELIMITER = /^[ \t]*delimiter[ \t]+(\S+)[ \t]*$/gim;

/**
 * Splits a script at its delimiters: not those in strings, names and comments, nor in the body of a trigger or
 * procedure. The client's DELIMITER is followed; comments that MySQL runs (`/*!40101 ... *​/`) are bared.
 */
export function splitMysql(sql: string): MysqlStatement[] {
  const bare = sql.replace(/\/\*M?!\d*([\s\S]*?)\*\//g, (whole, inside: string) => {
    const before = ' '.repeat(whole.length - 2 - inside.length);
    return `${before}${inside}  `;
  });
  const statements: MysqlStatement[] = [];
  let delimiter = ';';
  let from = 0;
  let line = 1;
  let counted = 0;
  const lineAt = (offset: number) => {
    for (; counted < offset; counted++) if (bare[counted] === '\n') line++;
    return line;
  };
  const take = (to: number) => {
    const comments = bare.slice(from, to);
    const text = comments.replace(LEADING, '');
    const start = from + comments.length - text.length;
    if (text.trim() !== '') statements.push({ text: text.trimEnd(), comments, line: lineAt(start) });
  };
  let body = new Body();
  TOKEN.lastIndex = 0;
  for (let at = 0; at < bare.length; ) {
    DELIMITER.lastIndex = at;
    const lineStart = at === 0 || bare[at - 1] === '\n';
    const command = lineStart ? DELIMITER.exec(bare) : null;
    if (command?.index === at) {
      delimiter = command[1] as string;
      at += command[0].length;
      from = at;
      continue;
    }
    const ends = bare.startsWith(delimiter, at) && (delimiter !== ';' || body.depth === 0);
    if (ends) {
      take(at);
      at += delimiter.length;
      from = at;
      body = new Body();
      continue;
    }
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(bare)?.[0] ?? (bare[at] as string);
    if (/^\w/.test(token)) body.word(token.toLowerCase());
    at += token.length;
  }
  take(bare.length);
  return statements;
}

/** Follows BEGIN and END inside of a trigger, procedure, function or event. */
class Body {
  depth = 0;
  #words = 0;
  #creates = false;
  #compound = false;
  #previous = '';

  word(word: string): void {
    if (this.#words === 0) this.#creates = word === 'create';
    this.#words += 1;
    if (this.#creates && this.#words < 30 && /^(?:trigger|procedure|function|event)$/.test(word))
      this.#compound = true;
    if (this.#compound) {
      if (word === 'begin' || (word === 'case' && this.#previous !== 'end')) this.depth += 1;
      else if (word === 'end') this.depth -= 1;
      // END IF and the like end what was not counted.
      else if (/^(?:if|loop|while|repeat)$/.test(word) && this.#previous === 'end') this.depth += 1;
    }
    this.#previous = word;
  }
}

/** The same statement with a space for each comment in it. */
export function withoutComments(text: string): string {
  return text.replace(new RegExp(TOKEN.source, 'g'), (token) =>
    /^(?:--\s|--$|#|\/\*)/.test(token) ? ' ' : token,
  );
}
