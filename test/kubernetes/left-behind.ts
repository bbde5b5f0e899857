import type { Manifest } from './manifests.ts';
import type { KubernetesRig } from './rig.ts';

const RUN_KEYS = /^rollback-deploy-auto\/|^controller\.kubernetes\.io\/pod-deletion-cost$/;
const HASH = 'pod-template-hash';

/** What runs wrote on objects that are not theirs, as `Pod/NAME KEY`; pods that are ending take theirs along. */
export async function leftBehind(rig: KubernetesRig): Promise<string[]> {
  const objects = await rig.list('deployments,statefulsets,daemonsets,replicasets,services,pods');
  return objects
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap((object) => {
      const { labels, annotations, name } = object.metadata;
      const { selector = {}, minReadySeconds = 0 } = object.spec as Spec;
      const keys = [labels, annotations, object.kind === 'Service' ? selector : {}].flatMap((map) =>
        Object.keys(map ?? {}),
      );
      const found = keys.filter((key) => RUN_KEYS.test(key));
      if (object.kind === 'Service' && HASH in selector) found.push(HASH);
      if (minReadySeconds > 0) found.push(`minReadySeconds ${minReadySeconds}`);
      return found.map((key) => `${object.kind}/${name} ${key}`);
    });
}

/** The pod template that a Deployment had with an image, as its ReplicaSet keeps it. */
export async function keptTemplate(rig: KubernetesRig, version: string): Promise<object> {
  const sets = await rig.list('replicasets');
  const { reference } = await rig.image(version);
  const templates = sets
    .map(({ spec }) => (spec as { template: Template }).template)
    .filter(({ spec }) => spec.containers[0]?.image === reference);
  const [template] = templates;
  if (!template || templates.length > 1)
    throw new Error(`${templates.length} ReplicaSets have ${reference}.`);
  const { [HASH]: _, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The same object without its pod template. */
export function withoutTemplate(object: Manifest): Manifest {
  const { template: _, ...spec } = object.spec as { template: object };
  return { ...object, spec };
}

interface Spec {
  selector?: Record<string, unknown>;
  minReadySeconds?: number;
}

interface Template {
  metadata: { labels: Record<string, string> };
  spec: { containers: { image: string }[] };
}
