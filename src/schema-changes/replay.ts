import type { DatabaseFacts } from '../model/facts.ts';
import type { Migration } from '../model/release.ts';
import { engineOf } from './engines.ts';

/** A statement of a migration, to be run in an empty database. */
export interface ReplayStatement {
  file: string;
  /** From 1, in the file. */
  line: number;
  text: string;
}

/** What is run, or in full sentences why nothing is. */
export type Replay = { possible: true; statements: ReplayStatement[] } | { possible: false; why: string[] };

/**
 * What to run, in order, to make the schema of a release anew from its migrations. Rights, owners and comments are left
 * out. It is impossible where a migration is code, where a statement can't be read, and where one reaches beyond the
 * database that it runs in. Pure.
 */
export async function planReplay(
  migrations: readonly Migration[],
  name: DatabaseFacts['engine'],
): Promise<Replay> {
  const { read, confine } = await engineOf(name);
  const why: string[] = [];
  const statements: ReplayStatement[] = [];
  for (const { file, up, opaque } of migrations) {
    if (opaque !== undefined) why.push(`${file} can't be replayed. ${opaque}`);
    for (const statement of read(up)) {
      const { line, text } = statement;
      const found = confine(statement);
      if (found === 'run') statements.push({ file, line, text });
      else if (found !== 'leave-out')
        why.push(`${file}:${line} is not replayed: ${short(text)} reaches ${found.reaches}.`);
    }
  }
  return why.length > 0 ? { possible: false, why } : { possible: true, statements };
}

/** Statements that reach beyond the database that they run in, e.g. `3: DROP ROLE a reaches roles`. Pure. */
export async function reachesBeyond(sql: string, name: DatabaseFacts['engine']): Promise<string[]> {
  const { read, confine } = await engineOf(name);
  return read(sql).flatMap((statement) => {
    const found = confine(statement);
    return typeof found === 'string'
      ? []
      : [`${statement.line}: ${short(statement.text)} reaches ${found.reaches}`];
  });
}

function short(text: string): string {
  const folded = text.replace(/\s+/g, ' ');
  return folded.length > 80 ? `${folded.slice(0, 77)}...` : folded;
}
