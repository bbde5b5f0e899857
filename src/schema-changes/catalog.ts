import type { ColumnDefinition, Constraint, TableDefinition } from './operation.ts';
import type { Place } from './verdict.ts';

/** A column. `root` is its identity: kept by a rename, and by a copy of its values into another table. */
export interface CatalogColumn extends ColumnDefinition {
  root: number;
  /** Its values were computed when it was copied. */
  computed: boolean;
  place: Place | undefined;
}

export interface CatalogConstraint extends Constraint {
  /** Of an index. */
  name: string | undefined;
  place: Place | undefined;
}

export interface CatalogTable {
  name: string;
  /** Its identity, kept by a rename. */
  root: number;
  /** The identity of the table that its rows were copied from: a rebuild is create, copy, drop, rename. */
  source: number | undefined;
  /** By lower-case name. */
  columns: Map<string, CatalogColumn>;
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
  place: Place | undefined;
}

/** What is known of a schema. Keys are lower-case names. */
export interface Catalog {
  tables: Map<string, CatalogTable>;
  views: Map<string, CatalogView>;
  triggers: Map<string, { name: string; table: CatalogTable | undefined; place: Place | undefined }>;
}

export function emptyCatalog(): Catalog {
  return { tables: new Map(), views: new Map(), triggers: new Map() };
}

/** A copy that later changes of the original don't reach. */
export function snapshot(catalog: Catalog): Catalog {
  const tables = new Map([...catalog.tables].map(([key, table]) => [key, copyTable(table)]));
  return { tables, views: new Map(catalog.views), triggers: new Map(catalog.triggers) };
}

let lastIdentity = 0;

/** An identity that no other column or table has. */
function newIdentity(): number {
  lastIdentity += 1;
  return lastIdentity;
}

export function newTable(definition: TableDefinition, place: Place | undefined): CatalogTable {
  const columns = (definition.columns ?? []).map((column) => newColumn(column, place));
  return {
    name: definition.name,
    root: newIdentity(),
    source: undefined,
    columns: new Map(columns.map((column) => [column.name.toLowerCase(), column])),
    complete: definition.columns !== undefined,
    strict: definition.strict,
    constraints: definition.constraints.map((constraint) => ({ ...constraint, name: undefined, place })),
    filtered: undefined,
    place,
  };
}

export function newColumn(definition: ColumnDefinition, place: Place | undefined): CatalogColumn {
  return { ...definition, root: newIdentity(), computed: false, place };
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
    columns: new Map([...table.columns].map(([key, column]) => [key, { ...column }])),
    constraints: [...table.constraints],
  };
}
