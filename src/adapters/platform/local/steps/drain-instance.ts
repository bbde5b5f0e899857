import type { Step } from '../../../../engine/step.ts';
import type { InstanceView } from '../supervisor-api.ts';
import type { SupervisorClient } from '../supervisor-client.ts';
import { acknowledged } from './acknowledged.ts';
import { conflictOf, fence, findInstance, type InstanceInput } from './instance-step.ts';

const LOOK_MS = 100;

export interface DrainInstanceInput extends InstanceInput {
  /** Longest wait for requests in flight, ms. */
  boundMs: number;
}

export interface DrainInstanceOutput {
  /** Requests and upgraded connections in flight when no new ones came any more. */
  inFlightAtStart: number;
  maxInFlight: number;
  /** From leaving rotation until none was in flight, or until the bound; undefined where it is gone already. */
  drainedMs: number | undefined;
  /** Still in flight when the time was over: they are cut off when it stops. */
  cut: number;
}

/** Takes an instance out of rotation; done once the proxy has nothing in flight on it, or the bound has passed. */
export function drainInstance(client: SupervisorClient): Step<DrainInstanceInput, DrainInstanceOutput> {
  return {
    async observe(input, context) {
      const state = acknowledged(await client.state(context.signal));
      const found = findInstance(state, input);
      if (!found) return { state: 'done', output: GONE };
      const conflict = conflictOf(state, input);
      if (conflict) return conflict;
      const ended = outcome(found, input, context.clock.now());
      if (ended) return { state: 'done', output: ended };
      const { inRotation, inFlight } = found;
      return { state: 'pending', before: { inRotation, inFlight } };
    },
    async apply(input, context) {
      const { clock, signal, progress } = context;
      const { drain } = await client.drain({ ...fence(context, input), id: input.instance }, signal);
      const inFlight = drain?.inFlightAtStart ?? 0;
      progress(`${inFlight} requests in flight on ${input.instance}`, { inFlight });
      for (;;) {
        const found = findInstance(acknowledged(await client.state(signal)), input);
        if (!found) return GONE;
        const ended = outcome(found, input, clock.now());
        progress(`${found.inFlight} requests in flight on ${found.id}`, { inFlight: found.inFlight });
        if (ended) {
          if (ended.cut > 0) progress(`${ended.cut} requests are cut off: the drain time is over`);
          return ended;
        }
        await clock.sleep(LOOK_MS, signal);
      }
    },
  };
}

const GONE: DrainInstanceOutput = { inFlightAtStart: 0, maxInFlight: 0, drainedMs: undefined, cut: 0 };

function outcome(
  { inRotation, inFlight, drain }: InstanceView,
  { boundMs }: DrainInstanceInput,
  now: number,
): DrainInstanceOutput | undefined {
  if (inRotation || !drain) return undefined;
  const waitedMs = now - drain.sinceMs;
  if (inFlight > 0 && waitedMs < boundMs) return undefined;
  const { inFlightAtStart, maxInFlight, drainedMs = waitedMs } = drain;
  return { inFlightAtStart, maxInFlight, drainedMs, cut: inFlight };
}
