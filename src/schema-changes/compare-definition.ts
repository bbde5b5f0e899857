import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts';
import { objectKey } from './catalog.ts';
import { compareLabels } from './compare-labels.ts';
import type { Fold } from './fold-state.ts';
import type { Report } from './verdict.ts';

/** What it means for the old code that a column it knows is declared in another way. */
export function compareDefinition(
  name: string,
  old: CatalogColumn,
  now: CatalogColumn,
  table: CatalogTable,
  fold: Fold,
  report: Report,
): void {
  if (now.computed && !old.computed) {
    const why = `The old code reads changed values in ${name}: they were computed anew.`;
    const fix = 'If the old code can work with the new values, waive the check with that as the reason.';
    report('update-data', 'data-destroyed', now.place, why, fix);
  }
  if (now.rounded && now.rounded !== old.rounded && holdsAll(old, now, table, fold)) {
    const why = `The old code reads changed values in ${name}: a type that it had in between could not hold them.`;
    const fix = 'Restore them from a backup if they are needed.';
    report('change-type', 'data-destroyed', now.rounded, why, fix);
  }
  if (old.place === undefined && !old.presumed) return;
  if (now.generated && !old.generated) {
    const why = `The old code's INSERTs and UPDATEs that name ${name} fail: its value is generated now.`;
    report('generated-column', 'writes-fail', now.place, why, 'Keep it an ordinary column.');
  }
  compareNull(name, old, now, report);
  if (old.type === now.type && `${old.size}` === `${now.size}` && old.labels === undefined) {
    if (old.collation !== now.collation && !old.presumed) {
      const why = `${name} is compared and stored in another way: from ${old.collation ?? 'the default'} to ${now.collation ?? 'the default'}.`;
      const fix =
        'Check that no character is lost, and that the old code does not rely on how texts compare.';
      const when = 'where the old code writes characters that do not fit, or compares with case or accents';
      report('change-collation', 'conditional', now.place, why, fix, when);
    }
    return;
  }
  compareTypes(name, old, now, table, fold, report);
}

/** Whether the type that a column has now does not say itself that values were lost. */
function holdsAll(old: CatalogColumn, now: CatalogColumn, table: CatalogTable, fold: Fold): boolean {
  if (old.type === now.type && `${old.size}` === `${now.size}`) return true;
  return fold.dialect.compareTypes(old, now, table.strict).verdict !== 'data-destroyed';
}

function compareNull(name: string, old: CatalogColumn, now: CatalogColumn, report: Report): void {
  if (now.notNull && !old.notNull) {
    if (now.filled) {
      const why = `${name} must not be NULL any more: the old code's writes fail where they give NULL.`;
      const fix = 'Check that the old code never writes NULL there.';
      report('set-not-null', 'conditional', now.place, why, fix, `where the old code writes NULL to ${name}`);
    } else {
      const why = `${name} must not be NULL any more and has no default: the old code's writes that leave it out or give NULL fail.`;
      report('set-not-null', 'writes-fail', now.place, why, 'Give the column a default.');
    }
  } else if (old.notNull && !now.notNull) {
    const why = `${name} may be NULL now: the old code does not expect that.`;
    const fix = 'Check that there is no NULL in it.';
    report('drop-not-null', 'conditional', now.place, why, fix, `once a NULL is in ${name}`);
  } else if (old.filled && !now.filled) {
    const required = now.notNull;
    const why = required
      ? `${name} has lost its default: the old code's INSERTs that leave it out fail.`
      : `${name} has lost its default: the old code's INSERTs that leave it out write NULL.`;
    const when = required ? undefined : `where the old code leaves ${name} out of an INSERT`;
    report(
      'drop-default',
      required ? 'writes-fail' : 'conditional',
      now.place,
      why,
      'Keep the default.',
      when,
    );
    return;
  }
  const wasNull = !old.filled && !old.notNull;
  const another = wasNull || (old.filled && old.default !== now.default);
  if (!old.presumed && now.filled && another && !now.generated) {
    const why = `${name} has another default: the old code's INSERTs that leave it out write that.`;
    const fix = 'Check that the old code can work with the new default.';
    report(
      'change-default',
      'conditional',
      now.place,
      why,
      fix,
      `where the old code leaves ${name} out of an INSERT`,
    );
  }
}

function compareTypes(
  name: string,
  old: CatalogColumn,
  now: CatalogColumn,
  table: CatalogTable,
  fold: Fold,
  report: Report,
): void {
  const oldLabels = old.labels ?? labelsOf(fold.before as Catalog, old.type);
  const nowLabels = now.labels ?? labelsOf(fold.now, now.type);
  if (oldLabels && nowLabels) {
    const own = old.labels !== undefined || old.type !== now.type;
    if (own) compareLabels(name, oldLabels, nowLabels, now.place, report);
    return;
  }
  const types = `from ${typeName(old)} to ${typeName(now)}`;
  if (old.type === '' && old.presumed) {
    if (now.type === '') return;
    const why = `${name} changed to ${typeName(now)}, and what it was before is not known, since no migration makes it.`;
    const fix = 'Compare both types, and waive the check with a reason.';
    report('change-type', 'unknown', now.place, why, fix);
    return;
  }
  const { verdict, why, when } = fold.dialect.compareTypes(old, now, table.strict);
  const fix = verdict === 'safe' ? '' : 'Add a column of the new type beside the old one, and fill both.';
  report('change-type', verdict, now.place, `${name} changed ${types}${why}.`, fix, when);
}

function labelsOf(catalog: Catalog, type: string): string[] | undefined {
  return catalog.objects.get(objectKey('type', type))?.labels?.map(({ text }) => text);
}

/** A type as it is written, e.g. `numeric(10,2)`. */
function typeName({ type, size }: CatalogColumn): string {
  return (size ? `${type}(${size.join(',')})` : type) || 'no type';
}
