import type { Migration } from '../model/release.ts';
import type { Dialect, Engine, ReadStatement } from './dialect.ts';

interface Scripts {
  dialect: Dialect;
  up?: ReadStatement[];
  down?: ReadStatement[];
}

/** As long as the migrations themselves are in use. */
const known = new WeakMap<Migration, Scripts>();

/** The statements of a migration, or of its down: parsed once, however often they are asked for. */
export function readMigration(migration: Migration, { dialect, read }: Engine, way: 'up' | 'down' = 'up') {
  let scripts = known.get(migration);
  if (scripts?.dialect !== dialect) {
    scripts = { dialect };
    known.set(migration, scripts);
  }
  scripts[way] ??= read(migration[way] ?? '');
  return scripts[way];
}
