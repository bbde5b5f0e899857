import type { PatchOperation } from '../../../kubernetes/cluster.ts';
import type { Deployment, Rollout } from '../../../kubernetes/objects.ts';
import { pacedOperations, paceOf } from './held.ts';
import { type Claims, runsAlone } from './preflight/downtime.ts';
import { modeOfRollout } from './rollout/read-rollout.ts';
import type { WorkloadView } from './view.ts';

/**
 * How the pods of a workload are replaced. `surge`: new ones beside the old ones, by the Deployment's pace. `delete`:
 * each ends before its replacement starts in the same place, by our own delete. `recreate`: all end, really, before the
 * controller starts any. `paused`: as `surge`, with an Argo Rollout paused and the run asking its ReplicaSets for pods.
 * `followed`: the controller of an Argo Rollout moves pods and traffic by itself.
 */
export type Mode = 'surge' | 'delete' | 'recreate' | 'paused' | 'followed';

/** Whether new pods run beside the old ones. */
export function isBeside(mode: Mode): boolean {
  return mode !== 'delete' && mode !== 'recreate';
}

/** @param claims of the Deployments' volumes; where one could not be read, two writers are not risked */
export function modeOf(view: WorkloadView, singleton: boolean, claims: Claims): Mode {
  if (view.workload.kind === 'rollout') return modeOfRollout(view.object as Rollout);
  if (view.workload.kind !== 'deployment') return 'delete';
  if (runsAlone(view, { singleton }, claims) !== undefined) return 'recreate';
  const volumes = view.object.spec.template.spec.volumes ?? [];
  const unread = volumes.some(({ persistentVolumeClaim: claim }) => {
    const read = claim && claims.get(claim.claimName);
    return read !== undefined && !Array.isArray(read);
  });
  return unread ? 'recreate' : 'surge';
}

/** What takes the pace from the controller, to be written together with the template. */
export function takePace(object: WorkloadView['object'], mode: Mode, surge: number): PatchOperation[] {
  if (mode === 'paused') return [{ op: 'add', path: '/spec/paused', value: true }];
  if (mode === 'followed') {
    return (object as Rollout).spec.paused ? [{ op: 'remove', path: '/spec/paused' }] : [];
  }
  if (mode === 'surge') return pacedOperations(object as Deployment, { surge, unavailable: 0 });
  if (mode === 'delete') return [{ op: 'add', path: '/spec/updateStrategy', value: { type: 'OnDelete' } }];
  const { paused } = (object as Deployment).spec;
  return [
    { op: 'add', path: '/spec/strategy', value: { type: 'Recreate' } },
    ...(paused ? [{ op: 'remove' as const, path: '/spec/paused' }] : []),
  ];
}

/** Whether the pace is taken. */
export function hasPace({ spec, ...rest }: WorkloadView['object'], mode: Mode): boolean {
  if (mode === 'paused') return (spec as Rollout['spec']).paused === true;
  if (mode === 'followed') return !(spec as Rollout['spec']).paused;
  if (mode === 'surge') return paceOf({ spec, ...rest } as Deployment) !== undefined;
  if (mode === 'delete') return 'updateStrategy' in spec && spec.updateStrategy?.type === 'OnDelete';
  const { strategy, paused } = spec as Deployment['spec'];
  return strategy?.type === 'Recreate' && !paused;
}
