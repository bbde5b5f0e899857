import { resolve } from 'node:path';
import { ociLayoutRegistry } from './oci-layout.ts';
import type { Registry } from './registry.ts';

export interface RegistryContext {
  /** What of a service's configuration the factories need; `ServiceConfiguration` fits. */
  configuration: { registry: { kind: 'oci-layout'; path: string } };
  /** Folder of rollback.yaml; relative paths are meant from there. */
  configFolder: string;
}

/** Registries by `registry.kind`. */
export const registries: Record<'oci-layout', (context: RegistryContext) => Registry> = {
  'oci-layout': ({ configuration: { registry }, configFolder }) =>
    ociLayoutRegistry({ path: resolve(configFolder, registry.path), label: registry.path }),
};
