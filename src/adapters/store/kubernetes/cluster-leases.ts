import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../../model/clock.ts';
import { isoTime } from '../../../model/clock.ts';
import type { Holder } from '../../../model/journal.ts';
import type { HolderState } from '../../process-identity.ts';
import { leaseHeld, leaseLost } from '../lease-error.ts';
import type { Lease, LeaseInfo } from '../store.ts';
import { LEASE_TTL_MS } from '../store.ts';
import type { LeaseObjects, LeaseVersion, SeenLease } from './lease-object.ts';
import type { RunHeads } from './run-heads.ts';

export interface ClusterLeases {
  acquire(service: string, holder: Holder, signal: AbortSignal): Promise<Lease>;
  renew(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;
  info(service: string): Promise<LeaseInfo | undefined>;
  /** @throws RollbackError `LEASE_LOST` where it is no longer the one in force */
  check(lease: Lease): Promise<void>;
  /**
   * Notes on the lease that its holder is about to append to a run, so that whoever follows fences that run off. No
   * request where this client has noted it before. @throws RollbackError `LEASE_LOST`
   */
  register(lease: Lease, runId: string): Promise<void>;
}

export interface ClusterLeaseParts {
  objects: LeaseObjects;
  heads: RunHeads;
  clock: Clock;
  holderState(holder: Holder): HolderState;
}

export function clusterLeases({ objects, heads, clock, holderState }: ClusterLeaseParts): ClusterLeases {
  /** By service: the version that this client wrote last. It may be outdated, which the next write finds out. */
  const mine = new Map<string, SeenLease>();

  /** Replaces the lease's own version; false where it is no longer in force. */
  async function write(lease: Lease, change: Partial<LeaseVersion>): Promise<boolean> {
    const known = mine.get(lease.service);
    let seen = known && inForce(known, lease) ? known : await objects.load(lease.service);
    for (;;) {
      if (!seen || !inForce(seen, lease)) return false;
      const runs = [...new Set([...seen.version.runs, ...(change.runs ?? [])])];
      const written = await objects.swap(seen, { ...seen.version, ...change, ...stamp(), runs });
      if (written) {
        mine.set(lease.service, written);
        return true;
      }
      mine.delete(lease.service);
      seen = await objects.load(lease.service);
    }
  }

  const stamp = () => ({ at: isoTime(clock), id: randomBytes(8).toString('hex') });

  async function lost(lease: Lease): Promise<never> {
    mine.delete(lease.service);
    throw leaseLost(lease, (await objects.load(lease.service))?.version);
  }

  /** What was before the lease that is to be taken: its epoch, and the runs that its holders may be writing to. */
  async function before(service: string, seen: SeenLease | undefined) {
    if (seen) return { epoch: seen.version.epoch, runs: seen.version.runs };
    const all = await heads.list(service);
    const epoch = Math.max(0, ...all.map(({ header }) => header.epoch));
    return {
      epoch,
      runs: all.filter(({ header }) => header.epoch === epoch).map(({ header }) => header.run),
    };
  }

  async function take(service: string, holder: Holder, seen: SeenLease | undefined) {
    const { epoch, runs } = await before(service, seen);
    const lease: Lease = { service, epoch: epoch + 1, holder };
    const now = stamp();
    const version: LeaseVersion = {
      format: 1,
      ...lease,
      state: 'held',
      takenAt: now.at,
      ...now,
      // They stay until they are fenced off: whoever follows a client that died before must do so.
      runs,
    };
    const taken = await objects.swap(seen, version);
    if (!taken) return undefined;
    mine.set(service, taken);
    if (runs.length === 0) return lease;
    try {
      for (const runId of runs) await heads.fence(runId, lease.epoch);
    } catch (error) {
      await write(lease, { state: 'released' }).catch(() => {
        // What went wrong first says more; a lease that could not be let go is followed once its holder is gone.
      });
      throw error;
    }
    const fenced = await objects.swap(taken, { ...version, ...stamp(), runs: [] });
    if (!fenced) return undefined;
    mine.set(service, fenced);
    return lease;
  }

  return {
    async acquire(service, holder, signal) {
      let watched: { id: string; since: number } | undefined;
      for (;;) {
        signal.throwIfAborted();
        const seen = await objects.load(service);
        if (seen?.version.state === 'held') {
          const { version } = seen;
          const state = holderState(version.holder);
          const now = clock.monotonic();
          watched ??= { id: version.id, since: now };
          const beats = watched.id !== version.id && state === 'elsewhere';
          if (state === 'alive' || beats) {
            throw leaseHeld(service, version.holder, version.at, version.runs.at(-1), clock.now());
          }
          if (state === 'elsewhere' && now - watched.since < LEASE_TTL_MS) {
            await clock.sleep(Math.min(POLL_MS, LEASE_TTL_MS - (now - watched.since)), signal);
            continue;
          }
        }
        const lease = await take(service, holder, seen);
        if (lease) return lease;
      }
    },
    async renew(lease) {
      if (!(await write(lease, {}))) await lost(lease);
    },
    async release(lease) {
      await write(lease, { state: 'released' });
    },
    async info(service) {
      const seen = await objects.load(service);
      if (!seen) return undefined;
      const { epoch, holder, state, at } = seen.version;
      const held = state === 'held' && holderState(holder) !== 'gone';
      return { service, epoch, holder, renewedAt: at, held };
    },
    async check(lease) {
      const seen = await objects.load(lease.service);
      if (!seen || !inForce(seen, lease)) throw leaseLost(lease, seen?.version);
    },
    async register(lease, runId) {
      const known = mine.get(lease.service);
      if (known && inForce(known, lease) && known.version.runs.includes(runId)) return;
      if (!(await write(lease, { runs: [runId] }))) await lost(lease);
    },
  };
}

const POLL_MS = 1_000;

/** The holder is compared too: a lease that was deleted may begin again with an epoch that nobody wrote under. */
function inForce({ version }: SeenLease, { epoch, holder }: Lease): boolean {
  return version.state === 'held' && version.epoch === epoch && isDeepStrictEqual(version.holder, holder);
}
