import type { Dialect } from './dialect.ts';

/** SQLite: names in any case are equal, and a type says how values are stored, not which. */
export const sqliteDialect: Dialect = {
  key: (name) => name.toLowerCase(),
  updatableViews: false,
  viewsFollow: true,
  isImplicitColumn: (name) => /^(?:rowid|oid|_rowid_)$/i.test(name),
  lostUpsert: (columns) => `the old code's ON CONFLICT ${columns} fails`,
  compareTypes(old, now, strict) {
    const converted = old.family !== now.family && old.family !== 'as given' && now.family !== 'as given';
    if (converted) {
      const why = `: its values were converted, and the old code's comparisons with it go wrong without an error`;
      return { verdict: 'reads-fail', why };
    }
    if (strict && now.type !== 'ANY' && (now.family === 'as given' || old.type === 'REAL')) {
      const why = `, and the table is strict: the old code's writes of other values fail`;
      return { verdict: 'writes-fail', why };
    }
    if (old.family === now.family) return { verdict: 'safe', why: ', which hold the same values' };
    const why = ': what is written from now on may be stored and compared in another way';
    return { verdict: 'conditional', why, when: 'where values are stored or compared by their type' };
  },
};
