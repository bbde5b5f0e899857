import type { DatabaseFacts } from '../model/facts.ts';
import type { Engine, ReadStatement } from './dialect.ts';

type EngineName = DatabaseFacts['engine'];

/** By engine. Each loads its parser, of several MB, when it is first asked for. */
const ENGINES: Record<EngineName, () => Promise<Engine>> = {
  mysql: async () => (await import('./mysql/read.ts')).mysqlEngine(),
  postgresql: async () => (await import('./postgresql/read.ts')).postgresqlEngine(),
  sqlite: async () => (await import('./parse-sqlite.ts')).sqliteEngine(),
};

export async function engineOf(name: EngineName): Promise<Engine> {
  const { read, ...engine } = await ENGINES[name]();
  return { ...engine, read: (sql) => read(sql).map(withoutValue) };
}

/** A placeholder that a tool fills in stands for SQL that is not known, even where a parser takes it for a name. */
function withoutValue(statement: ReadStatement): ReadStatement {
  if (!statement.text.includes('${')) return statement;
  const outside = statement.text.replace(
    /'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\/|(\$\w*\$)[\s\S]*?\1/g,
    ' ',
  );
  const [placeholder] = /\$\{[^}]*\}/.exec(outside) ?? [];
  if (placeholder === undefined) return statement;
  const why = `It has the placeholder ${placeholder}, whose value is not known here.`;
  return { ...statement, operations: [{ op: 'unknown', why }] };
}
