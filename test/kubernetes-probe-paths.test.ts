import { expect, it } from 'vitest';
import { probePaths } from '../src/adapters/health/kubernetes-endpoint.ts';
import type { Container } from '../src/kubernetes/objects.ts';

const container = (probes: Partial<Container>) => ({
  spec: { containers: [{ name: 'app', image: 'a', ...probes }] },
});
const get = (path: string) => ({ httpGet: { path, port: 8080 } });

it('names each path that only the kubelet asks for once, of all probes of all workloads', () => {
  const templates = [
    container({
      readinessProbe: get('/ready?full=1'),
      livenessProbe: get('/live'),
      startupProbe: get('/ready'),
    }),
    container({ readinessProbe: get('/ping'), livenessProbe: get('/live') }),
  ];
  expect(probePaths(templates)).toEqual(['/ready', '/live', '/ping']);
});

it('takes requests for / for those of visitors, and knows nothing of other probes', () => {
  const templates = [container({ readinessProbe: get('/'), livenessProbe: { tcpSocket: { port: 8080 } } })];
  expect(probePaths([...templates, container({ readinessProbe: { httpGet: { port: 8080 } } })])).toEqual([]);
});
