import type { DatabaseFacts } from '../model/facts.ts';
import type { Engine } from './dialect.ts';

type EngineName = DatabaseFacts['engine'];

/** By engine. Each loads its parser, of several MB, when it is first asked for. */
const ENGINES: Record<EngineName, () => Promise<Engine>> = {
  mysql: async () => (await import('./mysql/read.ts')).mysqlEngine(),
  postgresql: async () => (await import('./postgresql/read.ts')).postgresqlEngine(),
  sqlite: async () => (await import('./parse-sqlite.ts')).sqliteEngine(),
};

export function engineOf(name: EngineName): Promise<Engine> {
  return ENGINES[name]();
}
