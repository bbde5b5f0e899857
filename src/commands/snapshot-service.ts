import { isKubernetes } from '../config/narrow.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { CommandContext, CommandOutcome } from './context.ts';

/**
 * `snapshot` of a service.
 * @throws RollbackError `NOT_KUBERNETES` (exit 2) where its platform keeps the configuration with each deployment
 */
export async function snapshotService(context: CommandContext): Promise<CommandOutcome> {
  const { serviceName, configuration, kubernetes, stop } = context;
  if (!kubernetes || !isKubernetes(configuration)) {
    throw new RollbackError({
      code: 'NOT_KUBERNETES',
      summary: `Service ${serviceName} does not run on Kubernetes`,
      detail: 'A deploy to the local platform keeps the configuration of the release by itself.',
      fix: 'See what there is to go back to: rollback-deploy-auto releases',
      exit: EXIT.usage,
    });
  }
  const { snapshot } = await import('./snapshot.ts');
  const { cluster, namespace } = kubernetes;
  const views = await kubernetes.views(stop.immediate);
  const copySecrets = configuration.platform.restoreSecrets;
  return snapshot(context, { cluster, namespace, views, copySecrets });
}
