import { setTimeout as wait } from 'node:timers/promises';
import type { PodTemplate } from '../../src/kubernetes/objects.ts';
import type { Manifest } from './manifests.ts';
import { type TestNamespace, until } from './namespace.ts';
import { runProcess } from './run-process.ts';

export type Flavour = 'argo-cd' | 'flux';

/**
 * NOT the real controller: a loop that does what Argo CD's or Flux's does with one Deployment. Every 2 s it applies
 * what "git" holds where the object is not suspended (self-heal). Like Argo CD's it also compares while suspended, when
 * it is asked to refresh; like Flux's it does nothing at all then.
 */
export interface ReconcilerLoop {
  /** What git declares from now on. */
  git(template: PodTemplate): void;
  /** Returns once the loop has gone round that often from now. */
  rounds(count: number): Promise<void>;
  /** How often it wrote the Deployment. */
  readonly applied: number;
  stop(): Promise<void>;
}

interface Reconciled {
  metadata: { annotations?: Record<string, string> };
  spec: { suspend?: boolean; syncPolicy?: { automated?: object } };
}

const EVERY_MS = 2_000;
const REFRESH = 'argocd.argoproj.io/refresh';

export function reconcilerLoop(
  namespace: TestNamespace,
  flavour: Flavour,
  template: PodTemplate,
): ReconcilerLoop {
  const object =
    flavour === 'argo-cd'
      ? 'applications.argoproj.io/shop'
      : 'kustomizations.kustomize.toolkit.fluxcd.io/shop';
  let declared = template;
  let rounds = 0;
  let applied = 0;
  const ending = new AbortController();

  async function round(): Promise<void> {
    const { metadata, spec } = await namespace.get<Reconciled>(object);
    const live = await namespace.get<{ spec: { template: PodTemplate } }>('deployment/api');
    const inSync = imagesOf(live.spec.template) === imagesOf(declared);
    const active = flavour === 'argo-cd' ? spec.syncPolicy?.automated !== undefined : spec.suspend !== true;
    if (active && !inSync) {
      await namespace.patch('deployment/api', { spec: { template: declared } });
      applied++;
    }
    if (flavour === 'flux' || metadata.annotations?.[REFRESH] === undefined) return;
    const status = active || inSync ? 'Synced' : 'OutOfSync';
    const resources = [{ kind: 'Deployment', namespace: namespace.name, name: 'api', status }];
    await namespace.patch(object, { status: { resources } });
    await namespace.patch(object, { metadata: { annotations: { [REFRESH]: null } } });
  }

  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      await round();
      rounds++;
      await wait(EVERY_MS, undefined, { signal: ending.signal }).catch(() => {});
    }
  }

  const running = run();
  running.catch(() => {});
  return {
    git(next) {
      declared = next;
    },
    async rounds(count) {
      // The one under way may have read before now.
      const last = rounds + count + 1;
      await Promise.race([running, until(() => rounds >= last)]);
    },
    get applied() {
      return applied;
    },
    async stop() {
      ending.abort();
      await running;
    },
  };
}

/** The least that the API server needs to keep such objects; left in place, since others may use them meanwhile. */
export async function ensureReconcilerKinds(): Promise<void> {
  for (const crd of [
    definition('argoproj.io', 'v1alpha1', 'Application', false),
    definition('kustomize.toolkit.fluxcd.io', 'v1', 'Kustomization', true),
    definition('source.toolkit.fluxcd.io', 'v1', 'GitRepository', true),
  ]) {
    const { name } = crd.metadata;
    const made = await runProcess('kubectl', ['get', 'crd', name, '--ignore-not-found', '--output', 'name']);
    if (made.stdout.trim() === '') {
      await runProcess('kubectl', ['create', '--filename', '-'], { input: JSON.stringify(crd) }).catch(
        (error) => {
          if (!String(error).includes('AlreadyExists')) throw error;
        },
      );
    }
    await runProcess('kubectl', ['wait', '--for=condition=Established', `crd/${name}`, '--timeout=30s']);
  }
}

function definition(group: string, version: string, kind: string, status: boolean): Manifest {
  const plural = kind === 'GitRepository' ? 'gitrepositories' : `${kind.toLowerCase()}s`;
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec: open, status: open, operation: open } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema,
          ...(status && { subresources: { status: {} } }),
        },
      ],
    },
  };
}

function imagesOf({ spec }: PodTemplate): string {
  return spec.containers.map(({ image }) => image).join();
}
