import { at, list } from '../ast.ts';
import type { Operation } from '../operation.ts';
import { fingerprint, listName, relationName, strings, text } from './tree.ts';

/** Reads a CREATE TYPE. */
export function createType(node: unknown): Operation[] {
  const composite = at(node, 'typevar');
  const name = composite === undefined ? listName(list(node, 'typeName')) : relationName(composite);
  const labels = list(node, 'vals').length > 0 ? strings(list(node, 'vals')) : undefined;
  const described = labels ? '' : fingerprint(node);
  return [
    {
      op: 'create-object',
      kind: 'type',
      name,
      text: described,
      ...(labels ? { labels } : {}),
      replaces: false,
    },
  ];
}

/** Reads an ALTER TYPE of an enumeration. */
export function alterEnum(node: unknown): Operation[] {
  const type = listName(list(node, 'typeName'));
  const label = at(node, 'oldVal');
  const to = text(node, 'newVal');
  return [
    typeof label === 'string'
      ? { op: 'rename-label', type, label, to }
      : { op: 'add-label', type, label: to },
  ];
}

export function createDomain(node: unknown): Operation[] {
  const name = listName(list(node, 'domainname'));
  return [{ op: 'create-object', kind: 'domain', name, text: fingerprint(node), replaces: false }];
}

/** Reads an ALTER DOMAIN: what it refuses from now on is refused in every column of that domain. */
export function alterDomain(node: unknown): Operation[] {
  const name = listName(list(node, 'typeName'));
  const fix = 'Check that the old code writes only values that it allows.';
  switch (at(node, 'subtype')) {
    case 'C':
    case 'O': {
      const why = `Domain ${name} refuses values that the old code may write.`;
      const when = 'where the old code writes values that it refuses';
      return [
        { op: 'concern', table: undefined, rule: 'new-constraint', verdict: 'conditional', why, fix, when },
      ];
    }
    case 'T': {
      const why = `Domain ${name} has another default.`;
      const when = `where the old code leaves a column of ${name} out of an INSERT`;
      return [
        { op: 'concern', table: undefined, rule: 'change-default', verdict: 'conditional', why, fix, when },
      ];
    }
    default: {
      const why = `Domain ${name} allows values that the old code does not expect.`;
      const when = 'once there is such a value';
      return [
        { op: 'concern', table: undefined, rule: 'drop-constraint', verdict: 'conditional', why, fix, when },
      ];
    }
  }
}

/** Reads a CREATE FUNCTION or PROCEDURE. What only triggers call is not named by the old code. */
export function createFunction(node: unknown): Operation[] {
  const name = listName(list(node, 'funcname'));
  const replaces = at(node, 'replace') === true;
  const returned = strings(list(node, 'returnType', 'names')).at(-1);
  const kind = returned === 'trigger' ? 'trigger-function' : 'function';
  return [
    { op: 'create-object', kind, name, text: fingerprint(node).replace('"replace":true,', ''), replaces },
  ];
}
