import { newIdentity, objectKey } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import { isComplete } from './fold-state.ts';
import type { Operation } from './operation.ts';
import type { Place } from './verdict.ts';

type Of<Op> = Extract<Operation, { op: Op }>;

export function createObject(fold: Fold, operation: Of<'create-object'>, place: Place): void {
  const { kind, name, text, labels, replaces } = operation;
  const key = objectKey(kind, name);
  const there = fold.now.objects.get(key);
  if (!there && replaces && fold.before && !isComplete(fold)) {
    const assumed = { kind, name, text: '', labels: undefined, root: newIdentity(), place: undefined };
    fold.before.objects.set(key, assumed);
  }
  fold.now.objects.set(key, {
    kind,
    name,
    text,
    labels: labels?.map((label) => ({ root: newIdentity(), text: label, place })),
    root: there?.root ?? newIdentity(),
    place,
  });
}

/** One that was never made is taken to have been there before, as tables are. */
export function dropObject(fold: Fold, operation: Of<'drop-object'>, place: Place): void {
  const { name } = operation;
  const isTrigger = fold.now.objects.has(objectKey('trigger-function', name));
  const kind = operation.kind === 'function' && isTrigger ? 'trigger-function' : operation.kind;
  const key = objectKey(kind, name);
  const there = fold.now.objects.get(key);
  if (!there && !(operation.ifExists && isComplete(fold))) {
    const assumed = { kind, name, text: '', labels: undefined, root: newIdentity(), place };
    fold.before?.objects.set(key, assumed);
    fold.gone.set(assumed.root, place);
  }
  if (there) fold.gone.set(there.root, place);
  fold.now.objects.delete(key);
}

/** A column goes on having its type under the new name. */
export function renameObject(fold: Fold, operation: Of<'rename-object'>, place: Place): void {
  const { kind, name, to } = operation;
  const there = fold.now.objects.get(objectKey(kind, name));
  if (!there) {
    dropObject(fold, { op: 'drop-object', kind, name, ifExists: false }, place);
    return;
  }
  fold.gone.set(there.root, place);
  fold.now.objects.delete(objectKey(kind, name));
  fold.now.objects.set(objectKey(kind, to), { ...there, name: to, place });
  if (kind !== 'type' && kind !== 'domain') return;
  for (const table of [...fold.now.tables.values()]) {
    const named = [...table.columns.values()].filter((column) => column.type === name);
    for (const column of named)
      fold.now.tables.own(table).columns.set(column.name, { ...column, type: to, place });
  }
}

export function addLabel(fold: Fold, { type, label }: Of<'add-label'>, place: Place): void {
  const key = objectKey('type', type);
  const object = fold.now.objects.get(key);
  if (object?.labels) {
    if (object.labels.some(({ text }) => text === label)) return;
    const labels = [...object.labels, { root: newIdentity(), text: label, place }];
    fold.now.objects.set(key, { ...object, labels });
    return;
  }
  const why = `Rows that hold '${label}' are new to the old code.`;
  const fix = `Use '${label}' only once no release that may be gone back to lacks it.`;
  fold.concerns.push({
    rule: 'add-enum-value',
    verdict: 'conditional',
    why,
    fix,
    when: usedOnce(label, type),
    place,
  });
}

export function renameLabel(fold: Fold, { type, label, to }: Of<'rename-label'>, place: Place): void {
  const key = objectKey('type', type);
  const object = fold.now.objects.get(key);
  if (object?.labels?.some(({ text }) => text === label)) {
    const labels = object.labels.map((each) => (each.text === label ? { ...each, text: to, place } : each));
    fold.now.objects.set(key, { ...object, labels });
    return;
  }
  const why = `The old code's statements that name '${label}' of ${type} fail: it is called '${to}' now.`;
  fold.concerns.push({ rule: 'rename-enum-value', verdict: 'reads-fail', why, fix: RENAME_FIX, place });
}

export const RENAME_FIX = 'Add the new value beside the old one, and leave the old one.';

/** When an added value of an enumeration is met. */
export function usedOnce(label: string, where: string): string {
  return `once '${label}' of ${where} is in use`;
}
