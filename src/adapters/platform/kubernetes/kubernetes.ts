import type { StepRegistry } from '../../../engine/step.ts';
import type { Clock } from '../../../model/clock.ts';
import type { Platform } from '../platform.ts';
import { canaryOf, expandBeside, factsBeside, surroundBeside } from './beside.ts';
import { withoutCanary } from './canary/canary-facts.ts';
import { putBackRoute } from './canary/put-back-route.ts';
import { routeLeftovers } from './canary/route-preflight.ts';
import { shiftWeights } from './canary/shift-weights.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ReleaseSnapshot } from './configuration/release-snapshot.ts';
import { podConnections } from './connections.ts';
import { eventTeller } from './events.ts';
import { expandMove, surroundMoves } from './expand.ts';
import { factsOf, NOUN } from './facts.ts';
import { leftoversOf } from './leftovers.ts';
import { resumeReconciler } from './owners/resume-reconciler.ts';
import { suspendReconciler } from './owners/suspend-reconciler.ts';
import { endWarm } from './pair/keep-warm.ts';
import { liveViews } from './pair/pair-state.ts';
import { pairSteps } from './pair/pair-steps.ts';
import { prepareTarget } from './prepare-target.ts';
import type { SeenRevision } from './release-of.ts';
import { restoreConfiguration } from './restore-configuration.ts';
import { createRevision } from './restored-revision.ts';
import { withRollout } from './rollout/rollout-facts.ts';
import { rolloutSteps } from './rollout/rollout-steps.ts';
import type { KubernetesSettings } from './settings.ts';
import { admitPods } from './steps/admit-pods.ts';
import { checkTemplate } from './steps/check-template.ts';
import { deletePods } from './steps/delete-pods.ts';
import { drainPods } from './steps/drain-pods.ts';
import type { Gate } from './steps/gated-pods.ts';
import { holdTraffic } from './steps/hold-traffic.ts';
import { putBack } from './steps/put-back.ts';
import { scaleWorkload } from './steps/scale-workload.ts';
import { setTemplate } from './steps/set-template.ts';
import { startPods } from './steps/start-pods.ts';
import { stopPods } from './steps/stop-pods.ts';
import { switchSelector } from './steps/switch-selector.ts';
import { volumeClaims } from './volume-claims.ts';

export interface KubernetesPlatformOptions {
  /** Name of the service, e.g. `api`. */
  service: string;
  configuration: { platform: KubernetesSettings };
  /** Of the configured workloads. */
  state: ClusterState;
  clock: Clock;
  /** Asks a pod whether it is healthy. */
  gate: Gate;
  /** What was recorded of revisions when they were seen, by revision of the first workload. */
  seen(signal: AbortSignal): Promise<Record<string, SeenRevision>>;
  /** Recorded configuration, by revision. */
  snapshots(signal: AbortSignal): Promise<Record<string, ReleaseSnapshot>>;
}

/** Instances as pods of workloads in one namespace, behind Services. */
export function kubernetesPlatform(options: KubernetesPlatformOptions): Platform {
  const { service, state, clock, gate } = options;
  const { namespace } = state;
  const settings = options.configuration.platform;
  const connections = podConnections(state, settings);
  const volumes = volumeClaims(state);
  const told = eventTeller(state);
  return {
    kind: 'kubernetes',
    noun: NOUN,
    async facts(signal) {
      const [views, seen] = await Promise.all([state.views(signal), options.seen(signal)]);
      const claims = await volumes(views, signal);
      const { singleton, together } = settings;
      const nowMs = clock.now();
      const input = { service, namespace, views, seen, singleton, together, claims, nowMs };
      const facts = withRollout(factsOf(input), input);
      return factsBeside({ facts, all: await state.all(signal), views, settings, nowMs });
    },
    async preflight(facts, wanted, signal) {
      const [views, snapshots] = await Promise.all([liveViews(state, signal), options.snapshots(signal)]);
      return prepareTarget({ state, service, settings, facts, wanted, views, snapshots, signal });
    },
    async leftovers(signal) {
      const [views, all] = [await state.views(signal), await state.all(signal)];
      const canary = views[0] && canaryOf(all, views[0], settings);
      const beside = canary ? [...views, canary] : views;
      const own = await leftoversOf(state.cluster, beside, all.pods, signal);
      return canary && views[0] ? [...own, ...routeLeftovers(all, views[0], canary)] : own;
    },
    endWarm: ({ fix }, signal) => endWarm(state, { fix, nowMs: clock.now(), signal }),
    expand: (move, facts) =>
      expandBeside(move, facts, settings) ?? expandMove(move, withoutCanary(facts), settings),
    surround: (moves, facts, earlier) =>
      surroundBeside(moves, facts, earlier, surroundMoves(moves, withoutCanary(facts), earlier)),
    steps: (): StepRegistry => ({
      'hold-traffic': told('hold-traffic', holdTraffic(state)),
      'set-template': setTemplate(state),
      'start-pods': startPods(state, gate),
      'admit-pods': admitPods(state),
      'drain-pods': drainPods(state, connections),
      'stop-pods': stopPods(state, connections),
      'delete-pods': deletePods(state),
      'switch-selector': told('switch-selector', switchSelector(state)),
      'check-template': checkTemplate(state),
      'put-back': told('put-back', putBack(state)),
      'scale-workload': scaleWorkload(state),
      'shift-weights': shiftWeights(state, settings),
      'put-back-route': putBackRoute(state),
      ...pairSteps(state, gate, settings),
      ...rolloutSteps(state, told),
      'create-revision': createRevision(state),
      'restore-configuration': restoreConfiguration(state.cluster),
      'suspend-reconciler': suspendReconciler(state.cluster),
      'resume-reconciler': resumeReconciler(state.cluster),
    }),
  };
}
