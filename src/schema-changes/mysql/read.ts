import { UnreadableTree } from '../ast.ts';
import type { Engine } from '../dialect.ts';
import type { Operation } from '../operation.ts';
import { effectOf } from './commits.ts';
import { confine } from './confine.ts';
import type { Parse } from './elements.ts';
import { splitMysql, withoutComments } from './split.ts';
import { operations } from './statements.ts';
import { mysqlDialect } from './types.ts';

/** Loads the parser (WebAssembly, several MB), once. */
export async function mysqlEngine(): Promise<Engine> {
  const { init, parse } = await import('@guanmingchiu/sqlparser-ts');
  await init();
  return {
    dialect: mysqlDialect,
    confine,
    untold: (text) => {
      const effect = effectOf(text);
      return effect.kind === 'untold' ? effect.why : undefined;
    },
    read: (sql) =>
      splitMysql(sql).map((statement) => ({
        ...statement,
        operations: readStatement(statement.text, (text) => parse(text, 'mysql')),
      })),
  };
}

function readStatement(text: string, parse: Parse): Operation[] {
  try {
    return operations(withoutComments(text).trim(), parse);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      { op: 'unknown', why: error instanceof UnreadableTree ? why : `It could not be parsed: ${why}.` },
    ];
  }
}
