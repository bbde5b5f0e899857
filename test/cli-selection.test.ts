import { describe, expect, test } from 'vitest';
import { selectedCommands, selectionOf } from '../src/cli/selection.ts';
import { serviceNameOf } from '../src/model/workload.ts';

describe('commands that are told to go on with', () => {
  const selection = { workload: 'deployment/api', rest: '-n shop' };
  test.each([
    [
      'Go on: rollback-deploy-auto resume r-1',
      'Go on: rollback-deploy-auto resume deployment/api -n shop r-1',
    ],
    [
      'rollback-deploy-auto --version v1 --strategy rolling',
      'rollback-deploy-auto deployment/api -n shop --version v1 --strategy rolling',
    ],
    ['rollback-deploy-auto init --rbac | kubectl', 'rollback-deploy-auto init --rbac -n shop | kubectl'],
    [
      '"fix": "rollback-deploy-auto status\\nor"',
      '"fix": "rollback-deploy-auto status deployment/api -n shop\\nor"',
    ],
    ['Lease rollback-deploy-auto-api', 'Lease rollback-deploy-auto-api'],
    [
      'label rollback-deploy-auto/serving, by rollback-deploy-auto',
      'label rollback-deploy-auto/serving, by rollback-deploy-auto',
    ],
  ])('%s', (text, expected) => {
    expect(selectedCommands(text, selection)).toBe(expected);
  });

  test('carry what was typed, and nothing where nothing of a cluster was', () => {
    const typed = { command: 'status', operands: [] };
    expect(selectionOf({ ...typed, values: { service: 'shop', config: 'a.yaml' } })).toBeUndefined();
    expect(selectionOf({ ...typed, command: 'init', values: { namespace: 'shop' } })).toBeUndefined();
    expect(
      selectionOf({
        ...typed,
        workload: 'deployment/api',
        values: { namespace: 'shop', context: 'c', service: 's' },
      }),
    ).toEqual({ workload: 'deployment/api', rest: '-n shop --context c --service s' });
  });
});

test('no two workloads of a namespace share a service name', () => {
  const workloads = [
    'deployment/api',
    'deployment/statefulset-db',
    'statefulset/db',
    'deployment/deployment-api',
    'deployment/api.v2',
    'deployment/api-v2',
    `deployment/${'a'.repeat(70)}`,
    `deployment/${'a'.repeat(71)}`,
    'rollout/api',
  ];
  const names = workloads.map(serviceNameOf);
  expect(new Set(names).size).toBe(workloads.length);
  expect(names.slice(0, 3)).toEqual(['api', 'deployment-statefulset-db', 'statefulset-db']);
  for (const name of names) expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
});
