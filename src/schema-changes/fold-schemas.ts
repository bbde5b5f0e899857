import { copyTable, objectKey } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import type { Place } from './verdict.ts';

const KEEP = 'Keep the schema until no release that may be gone back to uses it.';

/** What lies in the schema goes with it. */
export function dropSchema(fold: Fold, name: string, place: Place): void {
  const { now } = fold;
  const inside = (full: string) => (name === 'public' ? !full.includes('.') : full.startsWith(`${name}.`));
  for (const [key, table] of [...now.tables]) {
    if (!inside(key)) continue;
    fold.gone.set(table.root, place);
    now.tables.delete(key);
  }
  for (const [key] of [...now.views]) {
    if (!inside(key)) continue;
    fold.dropped.set(key, place);
    now.views.delete(key);
  }
  for (const [key, object] of [...now.objects]) {
    if (!inside(object.name)) continue;
    fold.gone.set(object.root, place);
    now.objects.delete(key);
  }
  if (isNewSchema(fold, name)) return;
  const why = `What the old code uses in schema ${name} is gone.`;
  fold.concerns.push({ rule: 'drop-schema', verdict: 'data-destroyed', why, fix: KEEP, place });
}

/** Tables and views in it are found under the other schema. */
export function renameSchema(fold: Fold, name: string, to: string, place: Place): void {
  const { now } = fold;
  const renamed = (key: string) =>
    key.startsWith(`${name}.`) ? `${to}.${key.slice(name.length + 1)}` : undefined;
  for (const [key, table] of [...now.tables]) {
    const next = renamed(key);
    if (next === undefined) continue;
    fold.gone.set(table.root, place);
    now.tables.delete(key);
    now.tables.set(next, { ...copyTable(table), name: next });
  }
  for (const [key, view] of [...now.views]) {
    const next = renamed(key);
    if (next === undefined) continue;
    fold.dropped.set(key, place);
    now.views.delete(key);
    now.views.set(next, { ...view, name: next, place });
  }
  if (isNewSchema(fold, name)) return;
  const why = `The old code's statements that name schema ${name} fail: it is called ${to} now.`;
  fold.concerns.push({ rule: 'drop-schema', verdict: 'reads-fail', why, fix: KEEP, place });
}

function isNewSchema(fold: Fold, name: string): boolean {
  const key = objectKey('schema', name);
  return fold.now.objects.has(key) && !fold.before?.objects.has(key);
}
