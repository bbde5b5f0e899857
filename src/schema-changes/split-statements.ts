/** One SQL statement of a longer text. */
export interface SqlStatement {
  /** Without the closing semicolon, and without comments before it. */
  text: string;
  /** The comments before it, and the text. */
  comments: string;
  /** Line of its first word, from 1. */
  line: number;
}

export interface StatementSplitter {
  /** Takes the next piece of the text; gives the statements that it completes. */
  push(piece: string): SqlStatement[];
  /** What is left without a semicolon; undefined where that is nothing but spaces and comments. */
  rest(): SqlStatement | undefined;
}

/** Splits a whole text; the last statement needs no semicolon. */
export function splitStatements(sql: string, firstLine = 1): SqlStatement[] {
  const splitter = statementSplitter(firstLine);
  const statements = splitter.push(sql);
  const rest = splitter.rest();
  return rest ? [...statements, rest] : statements;
}

/**
 * Splits SQL at the semicolons that end statements: not those in strings, names, comments or the body of a trigger.
 * The rules are those of `sqlite3_complete()` (https://www.sqlite.org/c3ref/complete.html), piece by piece, so that a
 * dump need not be in memory as a whole.
 */
export function statementSplitter(firstLine = 1): StatementSplitter {
  let pieces: string[] = [];
  let line = firstLine;
  let state: number = START;
  /** What closes the string, name or comment that is open; '' where none is. */
  let open = '';
  let word = '';
  /** The last character, where it may be half of `--`, `/*` or the end of a comment. */
  let previous = '';
  let hasTokens = false;

  function token(kind: number) {
    state = (TRANSITIONS[state] as number[])[kind] as number;
    if (kind !== SEMICOLON) hasTokens = true;
  }
  function endWord() {
    if (word === '') return;
    token(WORDS[word.toLowerCase()] ?? OTHER);
    word = '';
  }
  function take(): SqlStatement {
    const raw = pieces.join('');
    const text = raw.replace(LEADING, '');
    const statement = { text: text.trimEnd(), comments: raw, line: line + newlines(raw) - newlines(text) };
    line += newlines(raw);
    pieces = [];
    hasTokens = false;
    return statement;
  }

  return {
    push(piece) {
      const statements: SqlStatement[] = [];
      let from = 0;
      for (let i = 0; i < piece.length; i++) {
        if (open !== '') {
          i = closing(piece, i);
          continue;
        }
        const c = piece[i] as string;
        if (c === '-' && previous === '-') open = '\n';
        else if (c === '*' && previous === '/') open = '*/';
        if (open !== '') {
          previous = '';
          continue;
        }
        if (previous !== '') token(OTHER);
        previous = '';
        if (WORD.test(c)) {
          word += word.length < 16 ? c : '';
          continue;
        }
        endWord();
        if (c === '-' || c === '/') previous = c;
        else if (c in QUOTES) {
          token(OTHER);
          open = QUOTES[c] as string;
        } else if (c === ';') {
          token(SEMICOLON);
          if (state !== START) continue;
          const any = hasTokens;
          pieces.push(piece.slice(from, i));
          const statement = take();
          if (any) statements.push(statement);
          from = i + 1;
        } else if (!SPACE.test(c)) token(OTHER);
      }
      if (from < piece.length) pieces.push(piece.slice(from));
      return statements;
    },
    rest() {
      endWord();
      return hasTokens || previous !== '' ? take() : undefined;
    },
  };

  /** Index of the character that closes what is open, or of the last one. */
  function closing(piece: string, from: number): number {
    if (open === '*/') {
      if (previous === '*' && piece[from] === '/') {
        open = '';
        previous = '';
        return from;
      }
      previous = piece[from] as string;
      return from;
    }
    const end = piece.indexOf(open, from);
    if (end === -1) return piece.length - 1;
    open = '';
    return end;
  }
}

const START = 1;
const [SEMICOLON, OTHER] = [0, 1];
const WORDS: Record<string, number> = { explain: 2, create: 3, temp: 4, temporary: 4, trigger: 5, end: 6 };
/** By state (start, statement, EXPLAIN, CREATE, trigger, its semicolon, its END) and token, as in SQLite's complete.c. */
const TRANSITIONS: Record<number, number[]> = {
  1: [1, 2, 3, 4, 2, 2, 2],
  2: [1, 2, 2, 2, 2, 2, 2],
  3: [1, 3, 2, 4, 2, 2, 2],
  4: [1, 2, 2, 2, 4, 5, 2],
  5: [6, 5, 5, 5, 5, 5, 5],
  6: [6, 5, 5, 5, 5, 5, 7],
  7: [1, 5, 5, 5, 5, 5, 5],
};
const QUOTES: Record<string, string> = { "'": "'", '"': '"', '`': '`', '[': ']' };
const WORD = /[\w$\u0080-\uffff]/;
const SPACE = /\s/;
const LEADING = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;

function newlines(text: string): number {
  let count = 0;
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) count++;
  return count;
}
