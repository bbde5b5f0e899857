import { setTimeout as wait } from 'node:timers/promises';
import type { Release } from '../../../model/release.ts';
import { instanceId } from './instance-id.ts';
import { secretsFromEnvironment } from './secrets.ts';
import { acknowledged } from './steps/acknowledged.ts';
import type { InstanceView, SupervisorState } from './supervisor-api.ts';
import type { SupervisorClient } from './supervisor-client.ts';
import { tryAgain } from './try-again.ts';

const LOOK_MS = 100;

export interface RollOut {
  client: SupervisorClient;
  service: string;
  epoch: number;
  drainTimeoutMs: number;
  signal: AbortSignal;
  /** Takes one line for people. */
  tell(line: string): void;
}

/**
 * Brings a new release in, one instance at a time: started, healthy and in rotation before an old one is drained, and
 * drained before it is stopped. Where it can't, what served before serves again, and the new release is gone.
 * @throws RollbackError why the new release could not be brought in
 */
export async function replaceInstances(rollOut: RollOut, release: Release, slots: number): Promise<void> {
  const { client, signal } = rollOut;
  const before = await tryAgain(signal, async () => acknowledged(await client.state(signal)));
  const leaving = before.instances.filter((one) => one.release !== release.id);
  try {
    const old = [...leaving];
    const all = Array.from({ length: slots }, (_, i) => i + 1);
    // With nothing to take the place of, there is nothing to wait for.
    if (old.length === 0) await Promise.all(all.map((slot) => startOne(rollOut, release, slot)));
    for (const slot of all) {
      await bringIn(rollOut, release, slot);
      const next = old.find((one) => one.slot === slot) ?? old[0];
      if (!next) continue;
      old.splice(old.indexOf(next), 1);
      await takeOut(rollOut, next);
    }
    for (const one of old) await takeOut(rollOut, one);
  } catch (error) {
    await putBack(rollOut, leaving, release.id).catch(tellInstead(rollOut));
    throw error;
  }
  await setCurrent(rollOut, release.id, null);
}

/** Brings instances of a new release in beside all that serve, in the slots above them. */
export async function addCanary(rollOut: RollOut, release: Release, slots: number[]): Promise<void> {
  try {
    for (const slot of slots) await bringIn(rollOut, release, slot);
  } catch (error) {
    await putBack(rollOut, [], release.id).catch(tellInstead(rollOut));
    throw error;
  }
  const { current = null } = await state(rollOut);
  await setCurrent(rollOut, current, release.id);
}

async function bringIn(rollOut: RollOut, release: Release, slot: number): Promise<void> {
  const { client, epoch, signal, tell } = rollOut;
  const id = await startOne(rollOut, release, slot);
  await tryAgain(signal, () => client.admit({ epoch, id }, signal));
  tell(`${release.version} serves in slot ${slot}`);
}

/** Resolves once it is healthy, with its id. */
async function startOne(rollOut: RollOut, release: Release, slot: number): Promise<string> {
  const { client, service, epoch, signal } = rollOut;
  const id = instanceId(service, release.id, slot);
  const sources = Object.entries(release.configuration.secrets).map(([name, from]) => [name, from.source]);
  const secrets = secretsFromEnvironment(Object.fromEntries(sources), process.env);
  await tryAgain(signal, () => client.start({ epoch, id, slot, release: release.id, secrets }, signal));
  return id;
}

/** What went wrong first is what the caller must hear of. */
function tellInstead({ tell }: RollOut): (error: Error) => void {
  return (error) => tell(`What served before could not be put back as it was: ${error.message}`);
}

async function takeOut(rollOut: RollOut, { id }: InstanceView): Promise<void> {
  const { client, epoch, signal, drainTimeoutMs, tell } = rollOut;
  const there = (seen: SupervisorState) => seen.instances.find((one) => one.id === id);
  if (!there(await state(rollOut))) return;
  await tryAgain(signal, () => client.drain({ epoch, id }, signal));
  const until = performance.now() + drainTimeoutMs;
  for (;;) {
    const seen = there(await tryAgain(signal, async () => acknowledged(await client.state(signal))));
    if (!seen) return;
    if (seen.inFlight === 0) break;
    if (performance.now() > until) {
      tell(`${seen.inFlight} requests on ${id} are cut off: the drain time is over`);
      break;
    }
    await wait(LOOK_MS, undefined, { signal });
  }
  await tryAgain(signal, () => client.stop({ epoch, id, force: true }, signal));
  tell(`${id} is drained and stopped`);
}

async function putBack(rollOut: RollOut, leaving: InstanceView[], newRelease: string): Promise<void> {
  const { client, epoch, signal } = rollOut;
  const { instances } = await state(rollOut);
  for (const { id, slot, release } of leaving.filter((one) => one.inRotation)) {
    if (instances.some((one) => one.id === id && one.inRotation)) continue;
    await tryAgain(signal, () => client.start({ epoch, id, slot, release }, signal));
    await tryAgain(signal, () => client.admit({ epoch, id }, signal));
  }
  for (const one of (await state(rollOut)).instances.filter(({ release }) => release === newRelease)) {
    await takeOut(rollOut, one);
  }
  await tryAgain(signal, () => client.forget({ epoch, id: newRelease }, signal));
}

async function setCurrent(rollOut: RollOut, release: string | null, canary: string | null): Promise<void> {
  const { client, epoch, signal } = rollOut;
  await tryAgain(signal, () => client.setCurrent({ epoch, release, canary }, signal));
}

function state(rollOut: RollOut): Promise<SupervisorState> {
  return tryAgain(rollOut.signal, () => rollOut.client.state(rollOut.signal));
}
