/** Something that taking migrations back loses, as the SQL of the downs says. */
export interface Loss {
  /** What a person agrees to by name: `orders` or `orders.note`. */
  name: string;
  /** `table`: all of it goes. `column`: its values go. `rows`: rows are deleted or rewritten, which ones is not told. */
  kind: 'table' | 'column' | 'rows';
  table: string;
  /** Of a column. */
  column?: string;
  /** Whose down it is. */
  version: string;
  file: string;
  /** From 1, in the text of the down. */
  line: number;
  statement: string;
}

/** A loss as the live database counts it now. */
export interface CountedLoss extends Loss {
  /** The query that counted. */
  query: string;
  /** Rows of the table; undefined where they could not be counted. */
  rows: number | undefined;
  /** Values of the column that are not NULL; undefined for other losses and where they could not be counted. */
  values?: number | undefined;
  /** Why it could not be counted. */
  unknown?: string;
}

/** One migration that is taken back, as data: all that the database is told. */
export interface Down {
  version: string;
  /** File of the migration, for messages. */
  file: string;
  /** SQL of the down, a statement each. */
  statements: string[];
  /** SQL that takes it out of the tool's own history. */
  history: string;
  /** Whether the down may run in a transaction, as the tool's file says. */
  transaction: boolean;
}

/** What taking the span back would do, told with a plan whether it was asked for or not. */
export interface ReversalOutlook {
  /** Whether the plan does it (`--reverse-migrations`). */
  asked: boolean;
  /** In the order in which they are taken back, newest first. */
  migrations: { version: string; file: string }[];
  losses: CountedLoss[];
  /** Why `--reverse-migrations` can't do it while the current release serves, a sentence each; empty where it can. */
  obstacles: string[];
}

/** All of a down as one script. */
export function scriptOf({ statements }: Pick<Down, 'statements'>): string {
  // A comment at the end of a statement must not take its semicolon.
  return statements.map((text) => `${text}\n;`).join('\n');
}

/** The name that `--accept` takes for a loss. */
export function consentTo({ name }: Pick<Loss, 'name'>): string {
  return `data-loss:${name}`;
}
