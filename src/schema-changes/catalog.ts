import type { NameKey } from './name-map.ts';
import { NameMap } from './name-map.ts';
import type { ColumnDefinition, Constraint, ObjectKind, TableDefinition } from './operation.ts';
import type { Place } from './verdict.ts';

/** A column. `root` is its identity: kept by a rename, and by a copy of its values into another table. */
export interface CatalogColumn extends ColumnDefinition {
  root: number;
  /** Its values were computed when it was copied or changed. */
  computed: boolean;
  /** Undefined where no migration made it: how it is declared is not known. */
  place: Place | undefined;
  /** Set where a type that it had since could not hold all of its values. */
  rounded?: Place;
  /** Whether what a change of it says of its declaration before is all that is known. */
  presumed: boolean;
}

export interface CatalogConstraint extends Constraint {
  place: Place | undefined;
}

export interface CatalogTable {
  name: string;
  /** Its identity, kept by a rename. */
  readonly root: number;
  /** The identity of the table that its rows were copied from: a rebuild is create, copy, drop, rename. */
  source: number | undefined;
  columns: NameMap<CatalogColumn>;
  /** False where not all of its columns are known. */
  complete: boolean;
  strict: boolean;
  constraints: CatalogConstraint[];
  /** Set where its rows came from another table, and not all of them. */
  filtered: Place | undefined;
  place: Place | undefined;
}

/** Tables by name, and by their identity. */
export class TableMap extends NameMap<CatalogTable> {
  readonly #byRoot = new Map<number, CatalogTable>();

  protected override empty(): TableMap {
    return new TableMap(this.key);
  }
  override set(name: string, table: CatalogTable): this {
    this.#forget(name);
    this.#byRoot.set(table.root, table);
    return super.set(name, table);
  }
  override delete(name: string): void {
    this.#forget(name);
    super.delete(name);
  }
  byRoot(root: number): CatalogTable | undefined {
    const own = this.#byRoot.get(root);
    if (own || !this.below) return own;
    const table = this.below.byRoot(root);
    return table && !this.owns(table.name) ? table : undefined;
  }
  /** The same table, as one that may be changed: a copy where it is of the map below, which does not change. */
  own(table: CatalogTable): CatalogTable {
    if (!this.below || this.owns(table.name)) return table;
    const copied = copyTable(table);
    this.set(table.name, copied);
    return copied;
  }

  #forget(name: string): void {
    const old = this.owns(name) ? this.get(name) : undefined;
    if (old) this.#byRoot.delete(old.root);
  }
}

export interface CatalogView {
  name: string;
  columns: string[] | undefined;
  text: string;
  /** Where it shows all rows of a single table: what it shows of it, as it was when the view was made. */
  base: ViewBase | undefined;
  place: Place | undefined;
}

export interface ViewBase {
  name: string;
  root: number;
  columns: { name: string; root: number; as: string }[];
}

/** A function, sequence or type. */
export interface CatalogObject {
  kind: ObjectKind;
  name: string;
  text: string;
  /** Of an enumeration; `root` is kept by a rename. */
  labels: { root: number; text: string; place: Place | undefined }[] | undefined;
  root: number;
  place: Place | undefined;
}

/** What is known of a schema. */
export interface Catalog {
  tables: TableMap;
  views: NameMap<CatalogView>;
  triggers: NameMap<{ name: string; table: CatalogTable | undefined; place: Place | undefined }>;
  /** By `objectKey`. */
  objects: NameMap<CatalogObject>;
}

export function emptyCatalog(key: NameKey): Catalog {
  return {
    tables: new TableMap(key),
    views: new NameMap(key),
    triggers: new NameMap(key),
    objects: new NameMap(key),
  };
}

export function objectKey(kind: ObjectKind, name: string): string {
  // Enumerations and domains share one name space, as types.
  return `${kind === 'domain' ? 'type' : kind} ${name}`;
}

/** A copy that later changes of the original don't reach. */
export function snapshot({ tables, views, triggers, objects }: Catalog): Catalog {
  return {
    tables: tables.copy(copyTable),
    views: views.copy(),
    triggers: triggers.copy(),
    objects: objects.copy((object) => ({
      ...object,
      labels: object.labels?.map((label) => ({ ...label })),
    })),
  };
}

/** A catalog that goes on from another, which must not change while this one is in use. */
export function layerOver({ tables, views, triggers, objects }: Catalog, key: NameKey): Catalog {
  return {
    tables: new TableMap(key, tables),
    views: new NameMap(key, views),
    triggers: new NameMap(key, triggers),
    objects: new NameMap(key, objects),
  };
}

let lastIdentity = 0;

/** An identity that nothing else has. */
export function newIdentity(): number {
  lastIdentity += 1;
  return lastIdentity;
}

/** Whatever gets its identity later has a greater one. */
export function latestIdentity(): number {
  return lastIdentity;
}

export function newTable(definition: TableDefinition, key: NameKey, place: Place | undefined): CatalogTable {
  const columns = new NameMap<CatalogColumn>(key);
  for (const column of definition.columns ?? []) columns.set(column.name, newColumn(column, place));
  return {
    name: definition.name,
    root: newIdentity(),
    source: undefined,
    columns,
    complete: definition.columns !== undefined,
    strict: definition.strict,
    constraints: definition.constraints.map((constraint) => ({ ...constraint, place })),
    filtered: undefined,
    place,
  };
}

export function newColumn(definition: ColumnDefinition, place: Place | undefined): CatalogColumn {
  return { ...definition, root: newIdentity(), computed: false, place, presumed: false };
}

/** The one of those tables that a table is: under whatever name, or made anew from its rows. */
export function originalOf(table: CatalogTable, old: TableMap): CatalogTable | undefined {
  return old.byRoot(table.root) ?? (table.source === undefined ? undefined : old.byRoot(table.source));
}

/** Whether a table is the given one: under whatever name, or made anew from its rows. */
export function isSame(table: CatalogTable, old: CatalogTable): boolean {
  return table.root === old.root || table.source === old.root;
}

export function tableByRoot(catalog: Catalog, root: number): CatalogTable | undefined {
  return catalog.tables.byRoot(root);
}

export function columnByRoot(table: CatalogTable, root: number): CatalogColumn | undefined {
  for (const column of table.columns.values()) if (column.root === root) return column;
  return undefined;
}

export function copyTable(table: CatalogTable): CatalogTable {
  return {
    ...table,
    columns: table.columns.copy((column) => ({ ...column })),
    constraints: table.constraints.map((constraint) => ({ ...constraint, columns: [...constraint.columns] })),
  };
}
