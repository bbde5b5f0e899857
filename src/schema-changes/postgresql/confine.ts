import { at, kindOf, list } from '../ast.ts';
import type { Confinement } from '../dialect.ts';
import { inside, listName } from './tree.ts';

/** What to do with a statement in a replay, by its tree. */
export function confine(tree: unknown): Confinement {
  const kind = kindOf(tree);
  const node = at(tree, kind);
  const reaches = REACHING[kind];
  if (reaches) return { reaches };
  if (kind === 'RenameStmt' && SHARED.has(String(at(node, 'renameType'))))
    return { reaches: 'roles or databases by their names' };
  if (kind === 'CopyStmt') {
    const elsewhere = at(node, 'is_program') === true || at(node, 'filename') !== undefined;
    // The rows behind it are not sent.
    return elsewhere ? { reaches: 'files or programs of the server' } : 'leave-out';
  }
  for (const call of inside(node, 'FuncCall')) {
    const name = listName(list(call, 'funcname'));
    if (REACHING_FUNCTIONS.test(name)) return { reaches: `beyond the database by ${name}` };
  }
  return LEFT_OUT.has(kind) || isOwnership(kind, node) ? 'leave-out' : 'run';
}

const ROLES = 'roles, which all databases of the server share';
const SERVER = 'the settings or storage of the server';
const DATABASES = 'other databases';
const CONNECTIONS = 'other servers';

const REACHING: Record<string, string> = {
  AlterSystemStmt: SERVER,
  CreateTableSpaceStmt: SERVER,
  DropTableSpaceStmt: SERVER,
  AlterTableSpaceOptionsStmt: SERVER,
  AlterTableMoveAllStmt: SERVER,
  CheckPointStmt: SERVER,
  LoadStmt: SERVER,
  CreateRoleStmt: ROLES,
  AlterRoleStmt: ROLES,
  AlterRoleSetStmt: ROLES,
  DropRoleStmt: ROLES,
  GrantRoleStmt: ROLES,
  DropOwnedStmt: ROLES,
  ReassignOwnedStmt: ROLES,
  CreatedbStmt: DATABASES,
  DropdbStmt: DATABASES,
  AlterDatabaseStmt: DATABASES,
  AlterDatabaseSetStmt: DATABASES,
  AlterDatabaseRefreshCollStmt: DATABASES,
  CreateFdwStmt: CONNECTIONS,
  AlterFdwStmt: CONNECTIONS,
  CreateForeignServerStmt: CONNECTIONS,
  AlterForeignServerStmt: CONNECTIONS,
  CreateUserMappingStmt: CONNECTIONS,
  ImportForeignSchemaStmt: CONNECTIONS,
  CreateSubscriptionStmt: CONNECTIONS,
  AlterSubscriptionStmt: CONNECTIONS,
  DropSubscriptionStmt: CONNECTIONS,
};

const SHARED = new Set(['OBJECT_DATABASE', 'OBJECT_ROLE', 'OBJECT_TABLESPACE']);

const REACHING_FUNCTIONS =
  /^(?:dblink\w*|lo_import|lo_export|pg_read_\w*file\w*|pg_ls_\w+|pg_stat_file|pg_file_\w+|pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile|pg_promote|pg_switch_wal|pg_create_restore_point|pg_(?:create|drop)_\w*replication_slot|pg_replication_origin_\w+)$/;

/** Rights, comments, and upkeep: nothing that a catalog is compared by. Some of it a role without rights may not do. */
const LEFT_OUT = new Set([
  ...['GrantStmt', 'AlterOwnerStmt', 'AlterDefaultPrivilegesStmt', 'CommentStmt', 'SecLabelStmt'],
  ...['VacuumStmt', 'ReindexStmt', 'ClusterStmt', 'NotifyStmt', 'ListenStmt', 'UnlistenStmt', 'DiscardStmt'],
  ...['CreateEventTrigStmt', 'AlterEventTrigStmt', 'CreatePublicationStmt', 'AlterPublicationStmt'],
]);

function isOwnership(kind: string, node: unknown): boolean {
  if (kind === 'VariableSetStmt') return /^(?:role|session_authorization)$/.test(String(at(node, 'name')));
  if (kind !== 'AlterTableStmt') return false;
  return list(node, 'cmds').every((command) => at(command, 'AlterTableCmd', 'subtype') === 'AT_ChangeOwner');
}
