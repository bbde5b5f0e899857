import { describe, expect, it } from 'vitest';
import { connect } from '../../src/kubernetes/connect.ts';
import { goJson } from '../../src/kubernetes/go-json.ts';
import { pathOf } from '../../src/kubernetes/resource-paths.ts';
import { testNamespace } from './namespace.ts';

const hasCluster = process.env.KUBECONFIG !== undefined;
const TEXT = 'sh -c "a > b && c < d"  é\t\u0001';

it('is the same value', () => expect(JSON.parse(goJson({ [TEXT]: [TEXT] }))).toEqual({ [TEXT]: [TEXT] }));

it('has its keys in the order of their bytes, also those that are numbers', () =>
  expect(goJson({ b: [{ 9: 1, 10: null, a: undefined }], B: {}, $: '' })).toBe(
    '{"$":"","B":{},"b":[{"10":null,"9":1}]}',
  ));

describe.skipIf(!hasCluster)('a JSON Patch that tests a value, on the real API', () => {
  it('finds a text equal to itself whatever is in it, and to no other', async () => {
    const namespace = await testNamespace('rda-patch');
    try {
      const cluster = await connect();
      const path = pathOf('configmaps', namespace.name, 'a');
      await cluster.create(pathOf('configmaps', namespace.name), {
        metadata: { name: 'a' },
        data: { x: TEXT },
      });
      for (const operation of [
        { path: '/data', value: { x: TEXT } },
        { path: '/data/x', value: TEXT },
      ]) {
        await cluster.patch(path, [{ op: 'test', ...operation }]);
      }
      const other = cluster.patch(path, [{ op: 'test', path: '/data/x', value: TEXT.replace('>', '<') }]);
      await expect(other).rejects.toMatchObject({ status: 422 });
    } finally {
      await namespace.dispose();
    }
  });
});
