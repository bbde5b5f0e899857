import { expect, test } from 'vitest';
import { allReferences, configReferences, withReferences } from '../../src/kubernetes/config-references.ts';
import type { PodTemplate } from '../../src/kubernetes/objects.ts';

/** Every way to name an object, with fields around it that nothing here knows. */
const TEMPLATE: PodTemplate = {
  metadata: { labels: { app: 'api' }, annotations: { note: 'shared' } },
  spec: {
    restartPolicy: 'Always',
    volumes: [
      { name: 'whole', configMap: { name: 'whole', defaultMode: 420 } as { name: string } },
      { name: 'some', configMap: { items: [{ key: 'b', path: 'b' }], name: 'some' } as { name: string } },
      { name: 'certificate', secret: { secretName: 'certificate', optional: true } },
      {
        name: 'together',
        projected: {
          defaultMode: 420,
          sources: [
            { serviceAccountToken: { path: 'token' } } as object,
            { configMap: { name: 'shared', optional: true } },
            { secret: { name: 'shared', items: [{ key: 'k', path: 'k' }] } as { name: string } },
          ],
        } as object,
      },
      { name: 'scratch', emptyDir: {} },
    ],
    initContainers: [{ name: 'init', image: 'i', envFrom: [{ configMapRef: { name: 'init-only' } }] }],
    containers: [
      {
        name: 'web',
        image: 'w',
        envFrom: [{ prefix: 'P_', secretRef: { name: 'many', optional: true } }],
        env: [
          { name: 'PLAIN', value: 'shared' },
          { name: 'FIELD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } as object },
          { name: 'A', valueFrom: { configMapKeyRef: { name: 'some', key: 'a', optional: true } } },
          { name: 'B', valueFrom: { secretKeyRef: { key: 'password', name: 'shared' } } },
        ],
        volumeMounts: [{ name: 'whole', mountPath: '/shared' }],
      },
    ],
    imagePullSecrets: [{ name: 'pull' }],
  },
};

test('finds every use, and says what a pod would not start without', () => {
  expect(configReferences(TEMPLATE)).toEqual({
    configMaps: [
      { name: 'init-only', optional: false, whole: true, keys: {} },
      { name: 'shared', optional: true, whole: true, keys: {} },
      { name: 'some', optional: false, whole: false, keys: { a: false, b: true } },
      { name: 'whole', optional: false, whole: true, keys: {} },
    ],
    secrets: [
      { name: 'certificate', optional: true, whole: true, keys: {} },
      { name: 'many', optional: true, whole: true, keys: {} },
      { name: 'shared', optional: false, whole: false, keys: { k: true, password: true } },
    ],
  });
});

test('renames exactly the references that are asked for, and keeps every other byte', () => {
  const before = JSON.stringify(TEMPLATE);
  const renamed = withReferences(TEMPLATE, {
    configMaps: { some: 'some-x', 'init-only': 'init-x' },
    secrets: { shared: 'shared-x', certificate: 'certificate-x' },
  });
  const expected = before
    .replaceAll('"name":"some"}', '"name":"some-x"}')
    .replace('"configMapKeyRef":{"name":"some"', '"configMapKeyRef":{"name":"some-x"')
    .replace('{"name":"init-only"}', '{"name":"init-x"}')
    .replace('"secretName":"certificate"', '"secretName":"certificate-x"')
    .replace('"secret":{"name":"shared"', '"secret":{"name":"shared-x"')
    .replace('"key":"password","name":"shared"', '"key":"password","name":"shared-x"');
  // The volume's own name comes before its kind, and is no reference.
  expect(JSON.stringify(renamed)).toBe(expected);
  expect(expected).toContain('{"name":"some","configMap"');
  expect(JSON.stringify(TEMPLATE)).toBe(before);
  expect(configReferences(renamed).configMaps.map(({ name }) => name)).toEqual([
    'init-x',
    'shared',
    'some-x',
    'whole',
  ]);
});

test('is the very template where nothing is renamed', () => {
  expect(withReferences(TEMPLATE, { configMaps: { constructor: 'x' }, secrets: {} })).toBe(TEMPLATE);
});

test('several templates: what one of them requires is required', () => {
  const one = (optional: boolean): PodTemplate => ({
    spec: { containers: [{ name: 'c', image: 'i', envFrom: [{ configMapRef: { name: 'm', optional } }] }] },
  });
  expect(allReferences([one(true), one(true)]).configMaps).toMatchObject([{ name: 'm', optional: true }]);
  expect(allReferences([one(true), one(false)]).configMaps).toMatchObject([{ name: 'm', optional: false }]);
});
