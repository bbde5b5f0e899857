import { kindOf, UnreadableTree } from '../ast.ts';
import type { Confinement, Engine, ReadStatement } from '../dialect.ts';
import type { Operation } from '../operation.ts';
import { confine } from './confine.ts';
import { operations } from './statements.ts';
import { postgresqlDialect } from './types.ts';

type Parser = Pick<typeof import('libpg-query'), 'parseSync' | 'scanSync'>;

/** Loads PostgreSQL's own parser (WebAssembly, 1.7 MB), once. */
export async function postgresqlEngine(): Promise<Engine> {
  const parser = await import('libpg-query');
  await parser.loadModule();
  return {
    dialect: postgresqlDialect,
    read: (sql) => readScript(withoutPsql(sql), parser),
    confine: ({ text }) => confined(text, parser),
  };
}

function confined(text: string, { parseSync }: Parser): Confinement {
  try {
    const found = (parseSync(text).stmts ?? []).map(({ stmt }) => confine(stmt));
    return found.find((one) => typeof one === 'object') ?? found[0] ?? 'leave-out';
  } catch {
    return { reaches: 'what is not known, since it could not be parsed' };
  }
}

/** Statements with their place in the text, in bytes. */
interface Piece {
  from: number;
  to: number;
  operations: Operation[];
}

function readScript(sql: string, parser: Parser): ReadStatement[] {
  // The parser throws on an empty text.
  if (sql.trim() === '') return [];
  const bytes = Buffer.from(sql);
  let line = 1;
  let counted = 0;
  const lineAt = (offset: number) => {
    for (; counted < offset; counted++) if (bytes[counted] === NEWLINE) line++;
    return line;
  };
  const read = ({ from, to, operations }: Piece, index: number, pieces: Piece[]): ReadStatement => {
    const raw = bytes.toString('utf8', from, to);
    const text = raw.replace(LEADING, '');
    const leading = Buffer.byteLength(raw) - Buffer.byteLength(text);
    // Where a statement begins, the parser has skipped the comments before it.
    const comments = bytes.toString('utf8', pieces[index - 1]?.to ?? 0, to);
    return { text: text.trimEnd(), comments, line: lineAt(from + leading), operations };
  };
  return (whole(sql, bytes, parser) ?? apart(sql, bytes, parser)).map(read).filter(({ text }) => text !== '');
}

const NEWLINE = 10;

/** Undefined where some statement can't be parsed. */
function whole(sql: string, bytes: Buffer, { parseSync }: Parser): Piece[] | undefined {
  let statements: { stmt?: object; stmt_location?: number; stmt_len?: number }[];
  try {
    statements = parseSync(sql).stmts ?? [];
  } catch {
    return undefined;
  }
  return statements.map(({ stmt, stmt_location: from = 0, stmt_len: length }) => ({
    from,
    to: length === undefined ? bytes.length : from + length,
    operations: understood(stmt),
  }));
}

/** Each statement parsed for itself, split where PostgreSQL's scanner sees a semicolon. */
function apart(sql: string, bytes: Buffer, parser: Parser): Piece[] {
  const ends: number[] = [];
  try {
    for (const token of parser.scanSync(sql).tokens) if (token.text === ';') ends.push(token.start);
  } catch {
    // The rest is one statement that is not read.
  }
  return [...ends, bytes.length].flatMap((to, i) => {
    const from = i === 0 ? 0 : (ends[i - 1] as number) + 1;
    const text = bytes.toString('utf8', from, to);
    if (text.replace(LEADING, '').trim() === '') return [];
    try {
      const [statement] = parser.parseSync(text).stmts ?? [];
      return [{ from, to, operations: understood(statement?.stmt) }];
    } catch (error) {
      const why = `It could not be parsed: ${error instanceof Error ? error.message : String(error)}.`;
      return [{ from, to, operations: [{ op: 'unknown', why }] }];
    }
  });
}

function understood(tree: unknown): Operation[] {
  const kind = kindOf(tree);
  try {
    return operations(kind, (tree as Record<string, unknown>)[kind]);
  } catch (error) {
    if (!(error instanceof UnreadableTree)) throw error;
    return [{ op: 'unknown', why: error.message }];
  }
}

const LEADING = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/;

/** Blanks out what psql reads and the server does not: its own commands, and the rows behind a COPY FROM stdin. */
function withoutPsql(sql: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, ' ');
  return sql
    .replace(
      /(^\s*COPY\s[^;]*\sFROM\s+stdin[^;]*;)([\s\S]*?\n\\\.(?=\n|$))/gim,
      (_, copy, rows) => copy + blank(rows),
    )
    .replace(/^\\[a-z!.][^\n]*/gim, blank);
}
