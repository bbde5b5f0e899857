import type { Catalog, CatalogObject } from './catalog.ts';
import { objectKey } from './catalog.ts';
import { compareLabels, reportAdded } from './compare-labels.ts';
import { RENAME_FIX } from './fold-objects.ts';
import type { Fold } from './fold-state.ts';
import type { Report } from './verdict.ts';

/** Functions, sequences and types that the old code may name. */
export function compareObjects(fold: Fold, report: Report): void {
  const before = (fold.before as Catalog).objects;
  for (const name of fold.now.objects.namesUnlike(before)) {
    const old = before.get(name);
    if (!old || old.kind === 'schema') continue;
    const now = fold.now.objects.get(objectKey(old.kind, old.name));
    if (now) compareObject(old, now, report);
    else if (old.kind !== 'trigger-function') {
      const moved = [...fold.now.objects.values()].find(({ root }) => root === old.root);
      const what = moved ? `it is called ${moved.name} now` : 'it is gone';
      const why = `The old code's statements that name ${old.kind} ${old.name} fail: ${what}.`;
      const fix = 'Drop it only once no release that may be gone back to uses it.';
      report('drop-object', 'reads-fail', fold.gone.get(old.root) ?? old.place, why, fix);
    }
  }
}

function compareObject(old: CatalogObject, now: CatalogObject, report: Report): void {
  const { kind, name } = old;
  if (old.labels && now.labels) {
    if (old.root !== now.root) {
      const texts = (object: CatalogObject) => object.labels?.map(({ text }) => text) ?? [];
      compareLabels(name, texts(old), texts(now), now.place, report);
      return;
    }
    for (const label of old.labels) {
      const same = now.labels.find(({ root }) => root === label.root);
      if (!same || same.text === label.text) continue;
      const why = `The old code's statements that name '${label.text}' of ${name} fail: it is called '${same.text}' now.`;
      report('rename-enum-value', 'reads-fail', same.place, why, RENAME_FIX);
    }
    const known = new Set(old.labels.map(({ root }) => root));
    for (const { root, text, place } of now.labels)
      if (!known.has(root)) reportAdded(text, name, place, report);
    return;
  }
  if (old.text === now.text) return;
  if (kind !== 'function' && kind !== 'trigger-function') {
    const why = `${name} is declared in another way now.`;
    const fix = 'Check that the old code can work with it.';
    report('change-type', 'conditional', now.place, why, fix, `where the old code relies on how ${name} was`);
    return;
  }
  const why = `Function ${name} does something else than the old code knows.`;
  const fix = 'Check that it does what the old code needs.';
  report(
    'change-function',
    'conditional',
    now.place,
    why,
    fix,
    `where the old code, or a trigger, calls ${name}`,
  );
}
