import { compose } from '../compose.ts';
import { thisHolder } from '../holder.ts';
import type { CommandContext } from './context.ts';
import { configurationIfThere, type SelectedService, type Selection, selectOne } from './select-service.ts';
import { systemClock } from './system-clock.ts';

/** What only the front door can give: the person at the other end, and what they typed. */
export interface FrontDoor
  extends Pick<CommandContext, 'emit' | 'stop' | 'consent' | 'renderRecord'>,
    Selection {
  /**
   * Set for commands that work on a run: which one was typed. Where neither a configuration nor a workload says whose
   * it is, it is looked for in the namespace.
   */
  ofRun?: { run: string | undefined } | undefined;
}

/**
 * Everything a command works with, from the configuration, or from the workload that was named.
 * @throws RollbackError of exit 2 where the configuration, the service's name or the workload is wrong.
 */
export async function openContext(front: FrontDoor): Promise<CommandContext> {
  const { emit, stop, consent, renderRecord } = front;
  const base = { ...(await select(front)), clock: systemClock };
  const built = await compose(base);
  return { ...base, ...built, emit, stop, consent, renderRecord, holder: thisHolder() };
}

async function select(front: FrontDoor): Promise<SelectedService> {
  const { workload, service, ofRun, namespace, context } = front;
  const lookForRun =
    ofRun !== undefined && workload === undefined && service === undefined && namespace !== undefined;
  if (!lookForRun || (await configurationIfThere(front))) return selectOne(front);
  const { openClusterStore } = await import('../compose-kubernetes.ts');
  const { selectByRun } = await import('./select-by-run.ts');
  const { cluster, store } = await openClusterStore({ namespace, context }, systemClock);
  return selectByRun(store, { ...front, namespace: cluster.namespace }, ofRun.run);
}
