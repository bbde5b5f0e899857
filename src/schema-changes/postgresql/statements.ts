import { at, list } from '../ast.ts';
import type { Operation } from '../operation.ts';
import { alterTable, owner, rowSecurity } from './alter.ts';
import { drop, move, rename } from './names.ts';
import { alterDomain, alterEnum, createDomain, createFunction, createType } from './objects.ts';
import { createView, rowChanges, withs } from './rows.ts';
import { createIndex, createTable, createTableAs } from './table.ts';
import { inside, listName, relationName, text } from './tree.ts';

/** What one statement does, by the kind that PostgreSQL's parser gives it. */
export function operations(kind: string, node: unknown): Operation[] {
  const read = READERS[kind];
  if (read) return read(node, kind);
  if (WITHOUT_EFFECT.has(kind)) return [{ op: 'nothing' }];
  return [{ op: 'unknown', why: `What ${kind.replace(/Stmt$/, '')} does to the schema is not known.` }];
}

const READERS: Record<string, (node: unknown, kind: string) => Operation[]> = {
  CreateStmt: createTable,
  CreateForeignTableStmt: (node) => createTable(at(node, 'base')),
  CreateTableAsStmt: createTableAs,
  AlterTableStmt: alterTable,
  IndexStmt: (node) => [createIndex(node)],
  ViewStmt: (node) => [createView(node)],
  DropStmt: drop,
  RenameStmt: rename,
  AlterObjectSchemaStmt: move,
  CreateTrigStmt: createTrigger,
  RuleStmt: (node) => [concern(node, 'new-trigger', 'A rewrite rule changes what statements on it do')],
  CreateEnumStmt: createType,
  CreateRangeStmt: createType,
  CompositeTypeStmt: createType,
  AlterEnumStmt: alterEnum,
  CreateDomainStmt: createDomain,
  AlterDomainStmt: alterDomain,
  CreateFunctionStmt: createFunction,
  CreateSeqStmt: (node) => {
    const name = relationName(at(node, 'sequence'));
    return [{ op: 'create-object', kind: 'sequence', name, text: '', replaces: false }];
  },
  CreateSchemaStmt: (node) => {
    const name = text(node, 'schemaname');
    const elements = list(node, 'schemaElts');
    if (elements.length > 0) return [{ op: 'unknown', why: 'It makes a schema and what is in it at once.' }];
    return [{ op: 'create-object', kind: 'schema', name, text: '', replaces: true }];
  },
  GrantStmt: (node) => (at(node, 'is_grant') === true ? [{ op: 'nothing' }] : revoke(node)),
  GrantRoleStmt: (node) => (at(node, 'is_grant') === true ? [{ op: 'nothing' }] : revoke(node)),
  AlterOwnerStmt: () => [owner(undefined)],
  CreatePolicyStmt: (node) => [rowSecurity(relationName(at(node, 'table')))],
  AlterPolicyStmt: (node) => [rowSecurity(relationName(at(node, 'table')))],
  InsertStmt: (node, kind) => rowChanges(kind, node),
  UpdateStmt: (node, kind) => rowChanges(kind, node),
  DeleteStmt: (node, kind) => rowChanges(kind, node),
  MergeStmt: (node, kind) => rowChanges(kind, node),
  TruncateStmt: (node) =>
    list(node, 'relations').map(
      (relation): Operation => ({ op: 'delete', table: relationName(at(relation, 'RangeVar')) }),
    ),
  CopyStmt: () => [{ op: 'nothing' }],
  SelectStmt: select,
  DoStmt: () => [opaque('a DO block')],
  CallStmt: () => [opaque('a procedure')],
  ExecuteStmt: () => [opaque('a prepared statement')],
  VariableSetStmt: setting,
  TransactionStmt: (node) => {
    if (!/ROLLBACK/.test(text(node, 'kind')) || /PREPARED/.test(text(node, 'kind')))
      return [{ op: 'nothing' }];
    return [{ op: 'unknown', why: 'What the migration does cannot be followed through ROLLBACK.' }];
  },
};

/** Neither schema nor rows of the database, as statements meet them. */
const WITHOUT_EFFECT = new Set([
  ...[
    'CommentStmt',
    'VariableShowStmt',
    'LockStmt',
    'VacuumStmt',
    'ReindexStmt',
    'ClusterStmt',
    'CheckPointStmt',
  ],
  ...[
    'ExplainStmt',
    'NotifyStmt',
    'ListenStmt',
    'UnlistenStmt',
    'DiscardStmt',
    'RefreshMatViewStmt',
    'AlterSeqStmt',
  ],
  ...[
    'CreateExtensionStmt',
    'AlterExtensionStmt',
    'AlterExtensionContentsStmt',
    'AlterDefaultPrivilegesStmt',
  ],
  ...['CreateRoleStmt', 'CreateStatsStmt', 'AlterStatsStmt', 'PrepareStmt', 'DeallocateStmt', 'SecLabelStmt'],
  ...['CreatePublicationStmt', 'AlterPublicationStmt', 'CreateSubscriptionStmt', 'AlterSubscriptionStmt'],
  ...[
    'DefineStmt',
    'CreateCastStmt',
    'CreateOpClassStmt',
    'CreateOpFamilyStmt',
    'CreateTransformStmt',
    'CreateAmStmt',
  ],
  ...[
    'CreateFdwStmt',
    'CreateForeignServerStmt',
    'CreateUserMappingStmt',
    'CreatePLangStmt',
    'ConstraintsSetStmt',
  ],
  ...['AlterFunctionStmt', 'AlterTableSpaceOptionsStmt', 'AlterObjectDependsStmt', 'CreateConversionStmt'],
]);

function createTrigger(node: unknown): Operation[] {
  const table = relationName(at(node, 'relation'));
  return [{ op: 'create-trigger', name: `${text(node, 'trigname')} on ${table}`, table }];
}

function concern(node: unknown, rule: 'new-trigger', what: string): Operation {
  const table = relationName(at(node, 'relation'));
  const fix = 'Check that the old code can work with that.';
  const when = `where the old code's statements on ${table} are changed by it`;
  return { op: 'concern', table, rule, verdict: 'conditional', why: `${what}: ${table}.`, fix, when };
}

function revoke(node: unknown): Operation[] {
  const tables = list(node, 'objects').flatMap((object) => {
    const relation = at(object, 'RangeVar');
    return relation === undefined ? [] : [relationName(relation)];
  });
  return (tables.length > 0 ? tables : [undefined]).map((table) => {
    const why = `Rights${table ? ` on ${table}` : ''} are taken away that the old code may need.`;
    const fix = "Check the rights of the application's role.";
    const when = "where they were rights of the application's role";
    return { op: 'concern', table, rule: 'revoke', verdict: 'conditional', why, fix, when };
  });
}

function opaque(what: string): Operation {
  return { op: 'unknown', rule: 'opaque-code', why: `It runs ${what}, which is not read.` };
}

/** Functions that change neither schema nor rows. */
const HARMLESS =
  /^(?:pg_\w+|set_config|current_setting|setval|nextval|currval|lastval|count|min|max|sum|avg|coalesce|now|version|lower|upper|length|current_\w+|array_\w+|string_\w+|json\w*|to_\w+|format|concat\w*|exists|obj_description|quote_\w+|generate_series|row_number|rank|greatest|least|nullif|random|md5|substring|replace|trim|btrim|date_\w+|extract|abs|round|unnest|has_\w+|gen_random_uuid|uuid_generate_v\d\w*)$/;

function select(node: unknown): Operation[] {
  if (at(node, 'intoClause') !== undefined) {
    const query = { SelectStmt: { ...(node as object), intoClause: undefined } };
    return createTableAs({ into: at(node, 'intoClause'), query });
  }
  const paths: Operation[] = [];
  for (const call of inside(node, 'FuncCall')) {
    const name = listName(list(call, 'funcname'));
    if (!HARMLESS.test(name)) return [opaque(`function ${name}`)];
    const args = list(call, 'args').map(
      (arg) => at(arg, 'A_Const', 'sval', 'sval') ?? (at(arg, 'A_Const', 'sval') ? '' : undefined),
    );
    if (name !== 'set_config' || args[0] !== 'search_path' || typeof args[1] !== 'string') continue;
    paths.push(searchPath(args[1].split(',').map((part) => part.trim().replace(/^"|"$/g, ''))));
  }
  const changes = withs(node);
  return changes.length + paths.length > 0 ? [...changes, ...paths] : [{ op: 'nothing' }];
}

function setting(node: unknown): Operation[] {
  if (at(node, 'kind') === 'VAR_RESET_ALL') return [searchPath([])];
  if (at(node, 'name') !== 'search_path') return [{ op: 'nothing' }];
  const names = list(node, 'args').map((arg) => String(at(arg, 'A_Const', 'sval', 'sval') ?? ''));
  return [searchPath(names)];
}

function searchPath(names: string[]): Operation {
  const schemas = names
    .filter((name) => name !== '$user' && name !== '')
    .map((name) => (name === 'public' ? '' : name));
  return { op: 'search-path', schemas: schemas.length > 0 ? schemas : [''] };
}
