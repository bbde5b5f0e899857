import { at, list, UnreadableTree } from '../ast.ts';
import type { Operation } from '../operation.ts';
import { defaultOf, isPlainCast, readColumn, tableConstraint } from './table.ts';
import { relationName, text } from './tree.ts';
import { columnType } from './types.ts';

/** Reads an ALTER TABLE, ALTER VIEW, ALTER INDEX or ALTER SEQUENCE with its clauses. */
export function alterTable(node: unknown): Operation[] {
  const table = relationName(at(node, 'relation'));
  const type = at(node, 'objtype');
  if (type !== 'OBJECT_TABLE' && type !== 'OBJECT_FOREIGN_TABLE') return [{ op: 'nothing' }];
  return list(node, 'cmds').flatMap((command) => clause(table, at(command, 'AlterTableCmd')));
}

function clause(table: string, node: unknown): Operation[] {
  const kind = text(node, 'subtype');
  const definition = at(node, 'def');
  const ifExists = at(node, 'missing_ok') === true;
  const alter = (
    change: Extract<Operation, { op: 'alter-column' }>['change'],
    computed = false,
  ): Operation[] => [{ op: 'alter-column', table, column: text(node, 'name'), change, computed }];
  switch (kind) {
    case 'AT_AddColumn': {
      const { column, constraints } = readColumn(at(definition, 'ColumnDef'), table);
      return [{ op: 'add-column', table, column, constraints, ifNotExists: ifExists }];
    }
    case 'AT_DropColumn':
      return [{ op: 'drop-column', table, column: text(node, 'name'), ifExists }];
    case 'AT_ColumnDefault':
      return alter(defaultOf(definition));
    case 'AT_SetNotNull':
      return alter({ notNull: true });
    case 'AT_DropNotNull':
      return alter({ notNull: false });
    case 'AT_AddIdentity':
    case 'AT_SetIdentity':
      return identity(table, text(node, 'name'), definition);
    case 'AT_DropIdentity':
      return alter({ filled: false, generated: false });
    case 'AT_DropExpression':
      return alter({ filled: false, generated: false });
    case 'AT_SetExpression':
      return alter({}, true);
    case 'AT_AlterColumnType': {
      const column = at(definition, 'ColumnDef');
      const changed = columnType(at(column, 'typeName'));
      const computed = !isPlainCast(at(column, 'raw_default'), text(node, 'name'));
      return alter({ ...changed, size: changed.size as number[] }, computed);
    }
    case 'AT_AddConstraint':
      return addConstraint(table, at(definition, 'Constraint'));
    case 'AT_DropConstraint':
      return [{ op: 'drop-constraint', table, name: text(node, 'name'), what: 'constraint', ifExists }];
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize': {
      const why = `The old code does not find the rows of the partition in ${table} any more.`;
      const fix = 'Keep the partition attached until no release that may be gone back to reads its rows.';
      return [{ op: 'concern', table, rule: 'detach-partition', verdict: 'reads-fail', why, fix }];
    }
    case 'AT_EnableRowSecurity':
    case 'AT_ForceRowSecurity':
    case 'AT_DisableRowSecurity':
    case 'AT_NoForceRowSecurity':
      return [rowSecurity(table)];
    case 'AT_EnableTrig':
    case 'AT_EnableAlwaysTrig':
    case 'AT_EnableTrigAll':
    case 'AT_EnableTrigUser':
      return [trigger(table, 'new-trigger', 'A trigger is enabled')];
    case 'AT_DisableTrig':
    case 'AT_DisableTrigAll':
    case 'AT_DisableTrigUser':
    case 'AT_EnableReplicaTrig':
      return [trigger(table, 'drop-trigger', 'A trigger is disabled')];
    case 'AT_ChangeOwner':
      return [owner(table)];
    default:
      if (WITHOUT_EFFECT.test(kind)) return [{ op: 'nothing' }];
      return [{ op: 'unknown', why: `What ${kind} does is not known.` }];
  }
}

/** Storage, statistics, and when constraints are checked. */
const WITHOUT_EFFECT =
  /^AT_(?:SetStatistics|SetStorage|SetCompression|SetOptions|ResetOptions|AlterConstraint|ValidateConstraint|ClusterOn|DropCluster|SetLogged|SetUnLogged|SetAccessMethod|SetTableSpace|SetRelOptions|ResetRelOptions|ReplicaIdentity|AttachPartition|AddInherit|DropInherit)$/;

function identity(table: string, column: string, definition: unknown): Operation[] {
  const always = at(definition, 'Constraint', 'generated_when') === 'a';
  const set = list(definition, 'List', 'items').some(
    (item) =>
      at(item, 'DefElem', 'defname') === 'generated' && at(item, 'DefElem', 'arg', 'Integer', 'ival') === 97,
  );
  const change = { filled: true, default: 'identity', generated: always || set };
  return [{ op: 'alter-column', table, column, change, computed: false }];
}

function addConstraint(table: string, node: unknown): Operation[] {
  const index = at(node, 'indexname');
  const [constraint] = tableConstraint(node, table);
  if (!constraint) throw new UnreadableTree('a constraint');
  const isPrimary = constraint.kind === 'primary-key';
  if (typeof index === 'string') {
    const name = at(node, 'conname');
    return [{ op: 'rename-constraint', table, name: index, to: typeof name === 'string' ? name : index }];
  }
  const required = isPrimary ? constraint.columns : [];
  return [
    { op: 'add-constraint', table, constraint },
    ...required.map(
      (column): Operation => ({
        op: 'alter-column',
        table,
        column,
        change: { notNull: true },
        computed: false,
      }),
    ),
  ];
}

export function rowSecurity(table: string): Operation {
  const why = `Row security of ${table} is another: the old code may see or write other rows.`;
  const fix = "Check it with the rights of the application's role.";
  const when = "where a policy applies to the application's role";
  return { op: 'concern', table, rule: 'row-security', verdict: 'conditional', why, fix, when };
}

function trigger(table: string, rule: 'new-trigger' | 'drop-trigger', what: string): Operation {
  const why = `${what} on ${table}: what the old code writes is treated in another way.`;
  const fix = 'Check that the old code can work with that.';
  const when = 'where the old code relies on what the trigger does, or does not do';
  return { op: 'concern', table, rule, verdict: 'conditional', why, fix, when };
}

export function owner(table: string | undefined): Operation {
  const why = `The owner${table ? ` of ${table}` : ''} is another, with the owner's rights.`;
  const fix = "Check the rights of the application's role.";
  const when = "where the application's role had its rights as the owner";
  return { op: 'concern', table, rule: 'revoke', verdict: 'conditional', why, fix, when };
}
