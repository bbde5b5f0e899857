import type { Catalog } from './catalog.ts';
import { columnByRoot, objectKey } from './catalog.ts';
import { compare } from './compare.ts';
import type { Fold } from './fold-state.ts';
import { newFold } from './fold-state.ts';
import { identified } from './identities.ts';
import type { LiveCatalog } from './live-catalog.ts';
import { placeOf } from './live-catalog.ts';
import type { RuleId } from './rules.ts';
import type { SchemaFinding } from './verdict.ts';

/** Two schemas of one server. */
export interface Catalogs {
  /** As the target's migrations make it in an empty database. */
  target: LiveCatalog;
  live: LiveCatalog;
}

/**
 * What the difference of two schemas means for the code that knows the first. Rows are not looked at. What could not be
 * read of either is left out. Pure.
 * @param sql The statements between the two, as far as they are read: by them what was renamed is known.
 */
export function compareCatalogs({ target, live }: Catalogs, sql: Fold): SchemaFinding[] {
  const fold: Fold = {
    ...newFold(sql.dialect),
    now: identified(live.catalog, target.catalog, sql),
    before: target.catalog,
    complete: true,
  };
  placeWhatIsGone(target.catalog, fold);
  return [...compare(fold), ...changedTexts(target, live)];
}

/** Where each thing that is not there any more was. */
function placeWhatIsGone(before: Catalog, { now, gone, dropped }: Fold): void {
  for (const old of before.tables.values()) {
    const table = now.tables.get(old.name);
    if (table?.root !== old.root) gone.set(old.root, placeOf({ kind: 'table', name: old.name }));
    for (const { root, name } of old.columns.values())
      if (!table || columnByRoot(table, root)?.name !== name)
        gone.set(root, placeOf({ kind: 'column', name: `${old.name}.${name}` }));
    for (const { name } of old.constraints)
      if (name !== undefined)
        dropped.set(name, placeOf({ kind: 'constraint', name: `${name} on ${old.name}` }));
  }
  for (const { name } of before.views.values()) dropped.set(name, placeOf({ kind: 'view', name }));
  for (const { name } of before.triggers.values()) dropped.set(name, placeOf({ kind: 'trigger', name }));
  for (const old of before.objects.values())
    if (!now.objects.has(objectKey(old.kind, old.name))) gone.set(old.root, placeOf(old));
}

/** What the catalog knows by name alone: triggers, and what belongs to row security. */
function changedTexts(target: LiveCatalog, live: LiveCatalog): SchemaFinding[] {
  const keys = new Set([...target.texts.keys(), ...live.texts.keys()]);
  return [...keys].flatMap((key): SchemaFinding[] => {
    const [was, is] = [target.texts.get(key), live.texts.get(key)];
    const { kind, name } = (was ?? is) as { kind: string; name: string };
    const isTrigger = (kind === 'trigger' || kind === 'rule') && was !== undefined && is !== undefined;
    const isPolicy = kind === 'policy' || kind === 'row-security';
    const table = name.slice(name.lastIndexOf(' on ') + 4);
    if (was?.sql === is?.sql || !(isTrigger || isPolicy) || !target.catalog.tables.has(table)) return [];
    const rule: RuleId = isTrigger ? 'new-trigger' : 'row-security';
    const why = isTrigger
      ? `${kind === 'rule' ? 'Rule' : 'Trigger'} ${name} does something else than the old code knows.`
      : `Row security of ${table} is another: the old code may see or write other rows.`;
    const when = isTrigger
      ? 'where it refuses or changes what the old code writes'
      : "where a policy applies to the application's role";
    const place = placeOf({ kind, name });
    const fix = 'Check that the old code can work with that.';
    const docs = `docs/rules/${rule}.md`;
    return [{ ...place, rule, verdict: 'conditional', when, why, fix, docs, allowed: undefined }];
  });
}
