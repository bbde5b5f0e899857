import type { ViewBase } from './catalog.ts';
import { allNamed } from './fold-rows.ts';
import type { Fold } from './fold-state.ts';
import { columnOf, isComplete, nameOfKnown, nameOfNew } from './fold-state.ts';
import type { Operation } from './operation.ts';
import type { Place } from './verdict.ts';

type CreateView = Extract<Operation, { op: 'create-view' }>;

export function createView(fold: Fold, operation: CreateView, place: Place): void {
  const { text, rows } = operation;
  const name = nameOfNew(fold, operation.name);
  const from = rows?.from === undefined ? undefined : fold.now.tables.get(nameOfKnown(fold, rows.from));
  const table = from && fold.now.tables.own(from);
  const values = rows && table?.complete ? allNamed(table, rows.values) : undefined;
  const names = values?.map((value) => value.as);
  const told = names?.every((each) => each !== undefined) ? names : undefined;
  const columns = operation.columns ?? told;
  let base: ViewBase | undefined;
  if (table && rows?.whole && values?.every((value) => value.kind === 'same')) {
    const shown = values.map((value, i) => {
      const column = value.kind === 'same' ? columnOf(fold, table, value.column) : undefined;
      return { name: column?.name ?? '', root: column?.root ?? 0, as: columns?.[i] ?? value.as ?? '' };
    });
    base = { name: table.name, root: table.root, columns: shown };
  }
  fold.now.views.set(name, { name, columns, text, base, place });
}

/** One that was never made is taken to have been there before, as tables are. */
export function dropView(
  fold: Fold,
  { name, ifExists }: { name: string; ifExists: boolean },
  place: Place,
): void {
  const full = nameOfKnown(fold, name);
  fold.dropped.set(full, place);
  if (!fold.now.views.has(full) && !(ifExists && isComplete(fold))) {
    const view = { name: full, columns: undefined, text: '', base: undefined, place };
    fold.before?.views.set(full, view);
  }
  fold.now.views.delete(full);
}
