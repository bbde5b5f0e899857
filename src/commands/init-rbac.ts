import { EXIT } from '../model/error.ts';
import type { CommandOutcome } from './context.ts';
import { configurationIfThere } from './select-service.ts';

export interface InitRbacOptions {
  /** Where the configuration is looked for, absolute. */
  cwd: string;
  /** `--config`. Default: the one that is there, if any. */
  config?: string | undefined;
  /** Default: the context's. */
  namespace?: string | undefined;
  context?: string | undefined;
  /** Default `rollback-deploy-auto`. */
  serviceAccount?: string | undefined;
}

/** What `init --rbac` tells. */
export interface RbacResult {
  /** YAML for kubectl. */
  manifest: string;
}

/**
 * The least rights that a rollback in a namespace needs, as YAML: also to read the Secrets in which the configuration,
 * where there is one, says that the credentials of its databases are. Sends nothing; a kubeconfig is needed only to know
 * the namespace where none is named.
 * @throws RollbackError `KUBECONFIG_NOT_FOUND`, `KUBECONFIG_INVALID`, `CONTEXT_UNKNOWN`, `CONFIG_...` (exit 2)
 */
export async function initRbac(options: InitRbacOptions): Promise<CommandOutcome> {
  const { rbacManifest } = await import('../kubernetes/rbac.ts');
  const namespace = options.namespace ?? (await namespaceOf(options.context));
  const { [namespace]: credentials, ...elsewhere } = await credentialSecrets(options, namespace);
  const { serviceAccount } = options;
  const manifests = [
    rbacManifest({ namespace, serviceAccount, credentials }),
    ...Object.entries(elsewhere).map(([other, names]) =>
      rbacManifest({
        namespace: other,
        serviceAccount,
        serviceAccountNamespace: namespace,
        features: [],
        credentials: names,
      }),
    ),
  ];
  const json: RbacResult = { manifest: manifests.join('---\n') };
  return { exit: EXIT.done, json };
}

/** Names of the Secrets by namespace. */
async function credentialSecrets(
  { cwd, config }: InitRbacOptions,
  namespace: string,
): Promise<Record<string, string[]>> {
  const loaded = await configurationIfThere({ cwd, config, service: undefined });
  const found = new Map<string, Set<string>>();
  for (const { platform, database } of Object.values(loaded?.configuration.services ?? {})) {
    if (!database || database.kind === 'sqlite') continue;
    const own = platform.kind === 'kubernetes' ? platform.namespace : undefined;
    for (const source of [database.url, database.password]) {
      if (typeof source !== 'object' || !('secretKeyRef' in source)) continue;
      const { name, namespace: named } = source.secretKeyRef;
      const where = named ?? own ?? namespace;
      found.set(where, (found.get(where) ?? new Set()).add(name));
    }
  }
  return Object.fromEntries([...found].map(([where, names]) => [where, [...names].sort()]));
}

async function namespaceOf(context: string | undefined): Promise<string> {
  const { connect } = await import('../kubernetes/connect.ts');
  return (await connect({ context })).namespace;
}
