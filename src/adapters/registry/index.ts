import { resolve } from 'node:path';
import type { RegistryCredentials } from '../../oci/registry-credentials.ts';
import { distributionRegistry } from './distribution.ts';
import { dockerCredentials } from './docker-credentials.ts';
import { ociLayoutRegistry } from './oci-layout.ts';
import type { Registry } from './registry.ts';

type Settings = { kind: 'oci-layout'; path: string } | { kind: 'distribution'; plainHttp: string[] };

export interface RegistryContext {
  /** What of a service's configuration the factories need; `ServiceConfiguration` fits. */
  configuration: { registry: Settings };
  /** Folder of rollback.yaml; relative paths are meant from there. */
  configFolder: string;
  /** Logins of registries. Default: those of docker's config.json. */
  credentials?: RegistryCredentials | undefined;
}

/** Registries by `registry.kind`. */
export const registries: Record<Settings['kind'], (context: RegistryContext) => Registry> = {
  'oci-layout': (context) => {
    const { path } = settingsOf(context, 'oci-layout');
    return ociLayoutRegistry({ path: resolve(context.configFolder, path), label: path });
  },
  distribution: (context) => {
    const { plainHttp } = settingsOf(context, 'distribution');
    return distributionRegistry({ plainHttp, credentials: context.credentials ?? dockerCredentials() });
  },
};

function settingsOf<Kind extends Settings['kind']>(
  { configuration: { registry } }: RegistryContext,
  kind: Kind,
): Extract<Settings, { kind: Kind }> {
  if (registry.kind !== kind) throw new TypeError(`A registry of kind ${registry.kind} is not ${kind}.`);
  return registry as Extract<Settings, { kind: Kind }>;
}
