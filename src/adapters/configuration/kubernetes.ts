import type { Cluster } from '../../kubernetes/cluster.ts';
import { allReferences } from '../../kubernetes/config-references.ts';
import { readToday } from '../../kubernetes/configuration-objects.ts';
import { fingerprintKey, passingKey } from '../../kubernetes/fingerprint-key.ts';
import type { PodTemplate } from '../../kubernetes/objects.ts';
import type { ConfigurationFacts } from '../../model/facts.ts';
import type { ConfigurationSource } from './configuration.ts';

export interface KubernetesConfigurationSourceOptions {
  /** Connects when it is first needed. */
  cluster: () => Promise<Cluster>;
  /** Namespace of the workloads; default: the cluster's. */
  namespace?: string | undefined;
  /** Pod templates of every release that is known, of all workloads. */
  templates(signal: AbortSignal): Promise<PodTemplate[]>;
}

/**
 * ConfigMaps and Secrets that a known release refers to, as they are now: keys of ConfigMaps as files
 * `configmap:NAME/KEY`, keys of Secrets as secrets `NAME/KEY` from `secret:NAME/KEY`. One that may not be read throws:
 * then nothing can be said of the whole.
 */
export function kubernetesConfigurationSource(
  options: KubernetesConfigurationSourceOptions,
): ConfigurationSource {
  return {
    async read(signal) {
      const cluster = await options.cluster();
      const namespace = options.namespace ?? cluster.namespace;
      const references = allReferences(await options.templates(signal));
      const key =
        references.secrets.length > 0
          ? await fingerprintKey(cluster, namespace, { make: false, signal })
          : passingKey();
      const { objects } = await readToday({ cluster, namespace, references, key, signal });
      const facts: ConfigurationFacts = { environment: {}, secrets: {}, files: {} };
      for (const { kind, name, keys } of objects) {
        for (const [entry, digest] of Object.entries(keys)) {
          const source = `${kind.toLowerCase()}:${name}/${entry}`;
          if (kind === 'ConfigMap') facts.files[source] = digest;
          else facts.secrets[`${name}/${entry}`] = { source, fingerprint: digest };
        }
      }
      return facts;
    },
  };
}
