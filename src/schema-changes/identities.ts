import type { Catalog, CatalogObject, CatalogTable } from './catalog.ts';
import { columnByRoot, copyTable, emptyCatalog, isSame, newIdentity, objectKey } from './catalog.ts';
import type { Fold } from './fold-state.ts';

/**
 * A live schema in which what the old code knows has the identity that it has there, as the SQL between the two says: under
 * another name where it was renamed, and none where a name was used again. What the SQL says nothing of is the same thing
 * where it has the same name. Pure.
 */
export function identified(live: Catalog, before: Catalog, sql: Fold): Catalog {
  const roots = rootsOf(live, before, sql);
  const rooted = <T extends { root: number }>(one: T): T => ({
    ...one,
    root: roots.get(one.root) ?? one.root,
  });
  const now = emptyCatalog(sql.dialect.key);
  for (const table of live.tables.values()) {
    const copied = rooted(copyTable(table));
    for (const column of [...copied.columns.values()]) copied.columns.set(column.name, rooted(column));
    now.tables.set(copied.name, copied);
  }
  // What a view shows, and what a trigger is on, is known by identity.
  for (const [name, view] of live.views) {
    const base = view.base && { ...rooted(view.base), columns: view.base.columns.map(rooted) };
    now.views.set(name, { ...view, base });
  }
  for (const [name, trigger] of live.triggers)
    now.triggers.set(name, { ...trigger, table: trigger.table && now.tables.get(trigger.table.name) });
  for (const [key, object] of live.objects) now.objects.set(key, object);
  for (const old of before.objects.values()) {
    const same = sameObject(old, live, sql);
    if (same) now.objects.set(objectKey(same.kind, same.name), same);
  }
  return now;
}

/** The old code's identities by those of the live schema. */
function rootsOf(live: Catalog, before: Catalog, sql: Fold): Map<number, number> {
  const roots = new Map<number, number>();
  for (const old of before.tables.values()) {
    const said = saidOf(old, sql);
    const table = said.gone ? undefined : live.tables.get((said.now ?? old).name);
    if (!table) {
      if (!said.gone) behindView(old, live, roots);
      continue;
    }
    roots.set(table.root, old.root);
    for (const column of old.columns.values()) {
      const known = said.before?.columns.get(column.name);
      const moved = known && said.now && columnByRoot(said.now, known.root);
      const found = known && !moved ? undefined : table.columns.get((moved ?? column).name);
      if (found) roots.set(found.root, column.root);
    }
  }
  return roots;
}

/** A view in the place of a table that shows all of another: it is the table under another name. */
function behindView(old: CatalogTable, live: Catalog, roots: Map<number, number>): void {
  const base = live.views.get(old.name)?.base;
  const table = base && live.tables.byRoot(base.root);
  if (!table) return;
  roots.set(table.root, old.root);
  for (const { root, as } of base.columns) {
    const known = old.columns.get(as);
    if (known) roots.set(root, known.root);
  }
}

/** What the SQL made of a table. */
function saidOf(old: CatalogTable, sql: Fold): { before?: CatalogTable; now?: CatalogTable; gone: boolean } {
  const before = sql.before?.tables.get(old.name);
  // One that no migration made is known to the SQL only in part.
  if (!before?.place) return { gone: false };
  const now =
    sql.now.tables.byRoot(before.root) ?? [...sql.now.tables.values()].find((table) => isSame(table, before));
  return now ? { before, now, gone: false } : { before, gone: sql.now.tables.has(old.name) };
}

/** The live object that an old one is, with its identity; undefined where it is not certain to be the same. */
function sameObject(old: CatalogObject, live: Catalog, sql: Fold): CatalogObject | undefined {
  const key = objectKey(old.kind, old.name);
  const known = sql.before?.objects.get(key);
  const said = known && [...sql.now.objects.values()].find(({ root }) => root === known.root);
  const object = live.objects.get(said ? objectKey(said.kind, said.name) : key);
  if (!object || object.kind !== old.kind || (known && !said)) return undefined;
  if (!old.labels || !object.labels) return { ...object, root: old.root };
  // Values are the same as long as each of them has its own among the live ones.
  const texts = old.labels.map((label) => {
    const root = known?.labels?.find(({ text }) => text === label.text)?.root;
    return said?.labels?.find((each) => each.root === root)?.text;
  });
  const { labels } = object;
  if (!known || texts.some((text) => !labels.some((label) => label.text === text))) return undefined;
  const rooted = labels.map((label) => {
    const i = texts.indexOf(label.text);
    return { ...label, root: old.labels?.[i]?.root ?? newIdentity() };
  });
  return { ...object, root: old.root, labels: rooted };
}
