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
  /** Whether what a change of it says of its declaration before is all that is known. */
  presumed: boolean;
}

export interface CatalogConstraint extends Constraint {
  place: Place | undefined;
}

export interface CatalogTable {
  name: string;
  /** Its identity, kept by a rename. */
  root: number;
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
  tables: NameMap<CatalogTable>;
  views: NameMap<CatalogView>;
  triggers: NameMap<{ name: string; table: CatalogTable | undefined; place: Place | undefined }>;
  /** By `objectKey`. */
  objects: NameMap<CatalogObject>;
}

export function emptyCatalog(key: NameKey): Catalog {
  return {
    tables: new NameMap(key),
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
export function snapshot(catalog: Catalog): Catalog {
  return {
    tables: catalog.tables.copy(copyTable),
    views: catalog.views.copy(),
    triggers: catalog.triggers.copy(),
    objects: catalog.objects.copy((object) => ({
      ...object,
      labels: object.labels?.map((label) => ({ ...label })),
    })),
  };
}

let lastIdentity = 0;

/** An identity that nothing else has. */
export function newIdentity(): number {
  lastIdentity += 1;
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

export function tableByRoot(catalog: Catalog, root: number): CatalogTable | undefined {
  return [...catalog.tables.values()].find((table) => table.root === root);
}

/** Whether a table is the given one: under whatever name, or made anew from its rows. */
export function isSame(table: CatalogTable, old: CatalogTable): boolean {
  return table.root === old.root || table.source === old.root;
}

export function columnByRoot(table: CatalogTable, root: number): CatalogColumn | undefined {
  return [...table.columns.values()].find((column) => column.root === root);
}

export function copyTable(table: CatalogTable): CatalogTable {
  return {
    ...table,
    columns: table.columns.copy((column) => ({ ...column })),
    constraints: table.constraints.map((constraint) => ({ ...constraint, columns: [...constraint.columns] })),
  };
}
