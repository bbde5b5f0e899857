import { describe, expect, it } from 'vitest';
import { placesGone, placesOf } from '../../src/adapters/platform/kubernetes/places.ts';
import type { WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';

describe('the order in which pods are replaced in place', () => {
  it('is from the highest ordinal down, by number', () => {
    const pods = Array.from({ length: 12 }, (_, i) => pod(`api-${i}`));
    const places = placesOf(statefulSet(12, pods), 12);
    expect(places.slice(0, 3)).toEqual(['api-11', 'api-10', 'api-9']);
    expect(places.at(-1)).toBe('api-0');
  });

  it('begins with what does not serve, lowest ordinal first, missing ones among them', () => {
    const pods = [pod('api-0'), pod('api-1', { ready: false }), pod('api-2'), pod('api-4', { ready: false })];
    expect(placesOf(statefulSet(5, pods), 5)).toEqual(['api-1', 'api-3', 'api-4', 'api-2', 'api-0']);
  });

  it('takes up a drained pod before those that serve', () => {
    const pods = [pod('api-0', { drained: true }), pod('api-1'), pod('api-2')];
    expect(placesOf(statefulSet(3, pods), 3)).toEqual(['api-0', 'api-2', 'api-1']);
  });

  it('counts ordinals from where the StatefulSet starts them', () => {
    const view = statefulSet(2, [pod('api-7'), pod('api-8')], 7);
    expect(placesOf(view, 2)).toEqual(['api-8', 'api-7']);
    expect(placesGone(view, ['api-8', 'api-9'])).toEqual(['api-9']);
  });

  it('names a node by where the pod is meant to go, and leaves unknown what has no pod', () => {
    const pods = [pod('api-x', { node: 'b' }), pod('api-y', { meantFor: 'a', ready: false })];
    expect(placesOf(daemonSet(pods), 3)).toEqual(['a', null, 'b']);
  });
});

function statefulSet(replicas: number, pods: object[], start?: number): WorkloadView {
  const spec = { replicas, ...(start !== undefined && { ordinals: { start } }) };
  return view('statefulset', { metadata: { name: 'api' }, spec }, pods);
}

function daemonSet(pods: object[]): WorkloadView {
  return view('daemonset', { metadata: { name: 'api' }, spec: {} }, pods);
}

/** Without Services, a pod is in rotation while it was not taken out. */
function view(kind: string, object: object, pods: object[]): WorkloadView {
  return { workload: { kind, name: 'api' }, object, pods, services: [] } as unknown as WorkloadView;
}

function pod(name: string, { ready = true, drained = false, node, meantFor }: PodOptions = {}): object {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [meantFor] }];
  const required = { nodeSelectorTerms: [{ matchFields }] };
  const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
  return {
    metadata: {
      name,
      ...(drained && { annotations: { 'rollback-deploy-auto/out-since': '2026-01-01T00:00:00Z' } }),
    },
    spec: { ...(node && { nodeName: node }), ...(meantFor && { affinity }) },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

interface PodOptions {
  ready?: boolean;
  drained?: boolean;
  node?: string;
  meantFor?: string;
}
