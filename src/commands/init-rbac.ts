import { EXIT } from '../model/error.ts';
import type { CommandOutcome } from './context.ts';

export interface InitRbacOptions {
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
 * The least rights that a rollback in a namespace needs, as YAML. Sends nothing; a kubeconfig is needed only to know
 * the namespace where none is named.
 * @throws RollbackError `KUBECONFIG_NOT_FOUND`, `KUBECONFIG_INVALID`, `CONTEXT_UNKNOWN` (exit 2)
 */
export async function initRbac(options: InitRbacOptions): Promise<CommandOutcome> {
  const { rbacManifest } = await import('../kubernetes/rbac.ts');
  const namespace = options.namespace ?? (await namespaceOf(options.context));
  const json: RbacResult = { manifest: rbacManifest({ namespace, serviceAccount: options.serviceAccount }) };
  return { exit: EXIT.done, json };
}

async function namespaceOf(context: string | undefined): Promise<string> {
  const { connect } = await import('../kubernetes/connect.ts');
  return (await connect({ context })).namespace;
}
