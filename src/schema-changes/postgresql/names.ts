import { at, list } from '../ast.ts';
import type { ObjectKind, Operation } from '../operation.ts';
import { rowSecurity } from './alter.ts';
import { listName, relationName, strings, text } from './tree.ts';

const OBJECTS: Record<string, ObjectKind> = {
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'domain',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
};

/** Reads a DROP of anything but roles and databases. */
export function drop(node: unknown): Operation[] {
  const type = text(node, 'removeType');
  const ifExists = at(node, 'missing_ok') === true;
  return list(node, 'objects').map((object) => dropOne(type, object, ifExists));
}

function dropOne(type: string, object: unknown, ifExists: boolean): Operation {
  const kind = OBJECTS[type];
  if (kind) return { op: 'drop-object', kind, name: objectName(object), ifExists };
  const parts = list(object, 'List', 'items');
  switch (type) {
    case 'OBJECT_TABLE':
    case 'OBJECT_FOREIGN_TABLE':
      return { op: 'drop-table', name: listName(parts), ifExists };
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
      return { op: 'drop-view', name: listName(parts), ifExists };
    case 'OBJECT_INDEX': {
      const name = strings(parts).at(-1) ?? '';
      return { op: 'drop-constraint', table: undefined, name, what: 'index', ifExists };
    }
    case 'OBJECT_TRIGGER': {
      const table = listName(parts.slice(0, -1));
      return { op: 'drop-trigger', name: `${strings(parts).at(-1)} on ${table}` };
    }
    case 'OBJECT_SCHEMA':
      return { op: 'drop-schema', name: text(object, 'String', 'sval') };
    case 'OBJECT_POLICY':
      return rowSecurity(listName(parts.slice(0, -1)));
    case 'OBJECT_RULE': {
      const table = listName(parts.slice(0, -1));
      const why = `A rewrite rule of ${table} is gone: what it did for the old code is not done any more.`;
      const when = 'where the old code relies on what it did';
      return {
        op: 'concern',
        table,
        rule: 'drop-trigger',
        verdict: 'conditional',
        why,
        fix: 'Keep the rule.',
        when,
      };
    }
    case 'OBJECT_PUBLICATION':
    case 'OBJECT_STATISTIC_EXT':
    case 'OBJECT_EVENT_TRIGGER':
      return { op: 'nothing' };
    default:
      return { op: 'unknown', why: `What the old code uses of what is dropped is not known (${type}).` };
  }
}

/** Reads an ALTER ... RENAME. */
export function rename(node: unknown): Operation[] {
  const to = text(node, 'newname');
  const type = text(node, 'renameType');
  const kind = OBJECTS[type];
  if (kind) {
    const relation = at(node, 'relation');
    const name = relation === undefined ? objectName(at(node, 'object')) : relationName(relation);
    const schema = name.slice(0, name.lastIndexOf('.') + 1);
    return [{ op: 'rename-object', kind, name, to: schema + to }];
  }
  switch (type) {
    case 'OBJECT_TABLE':
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
    case 'OBJECT_FOREIGN_TABLE':
      return [{ op: 'rename-table', name: relationName(at(node, 'relation')), to, moves: false }];
    case 'OBJECT_COLUMN': {
      const table = relationName(at(node, 'relation'));
      if (at(node, 'relationType') !== 'OBJECT_TABLE')
        return [unread(`a column of ${table}, which is no table`)];
      return [{ op: 'rename-column', table, column: text(node, 'subname'), to }];
    }
    case 'OBJECT_TABCONSTRAINT':
      return [
        {
          op: 'rename-constraint',
          table: relationName(at(node, 'relation')),
          name: text(node, 'subname'),
          to,
        },
      ];
    case 'OBJECT_INDEX': {
      const name = relationName(at(node, 'relation'));
      return [{ op: 'rename-constraint', table: undefined, name: name.slice(name.lastIndexOf('.') + 1), to }];
    }
    case 'OBJECT_SCHEMA':
      return [{ op: 'rename-schema', name: text(node, 'subname'), to }];
    case 'OBJECT_TRIGGER':
    case 'OBJECT_POLICY':
    case 'OBJECT_RULE':
    case 'OBJECT_DOMCONSTRAINT':
    case 'OBJECT_STATISTIC_EXT':
      return [{ op: 'nothing' }];
    default:
      return [unread(type)];
  }
}

/** Reads an ALTER ... SET SCHEMA. */
export function move(node: unknown): Operation[] {
  const schema = text(node, 'newschema');
  const prefix = schema === 'public' ? '' : `${schema}.`;
  const relation = at(node, 'relation');
  const name = relation === undefined ? objectName(at(node, 'object')) : relationName(relation);
  const to = prefix + name.slice(name.lastIndexOf('.') + 1);
  const kind = OBJECTS[text(node, 'objectType')];
  return kind ? [{ op: 'rename-object', kind, name, to }] : [{ op: 'rename-table', name, to, moves: true }];
}

function objectName(object: unknown): string {
  const found = [
    ['ObjectWithArgs', 'objname'],
    ['TypeName', 'names'],
    ['List', 'items'],
  ]
    .map((path) => list(object, ...path))
    .find((parts) => parts.length > 0);
  return listName(found ?? []);
}

function unread(what: string): Operation {
  return { op: 'unknown', why: `What the old code uses of what is renamed is not known (${what}).` };
}
