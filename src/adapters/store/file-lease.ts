import { join } from 'node:path';
import type { Clock } from '../../model/clock.ts';
import { isoTime } from '../../model/clock.ts';
import type { Holder } from '../../model/journal.ts';
import type { HolderState } from '../process-identity.ts';
import { leaseHeld, leaseLost } from './lease-error.ts';
import type { Lease, LeaseInfo } from './store.ts';
import { LEASE_TTL_MS } from './store.ts';
import { readHead, replaceHead, type Version } from './versioned-file.ts';

/** One state of a lease. Its epoch never falls, also over releases. */
interface LeaseVersion {
  epoch: number;
  holder: Holder;
  state: 'held' | 'released';
  /** ISO 8601. */
  at: string;
}

export interface FileLeases {
  acquire(service: string, holder: Holder, signal: AbortSignal): Promise<Lease>;
  renew(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;
  info(service: string): Promise<LeaseInfo | undefined>;
  /** @throws RollbackError `LEASE_LOST` where it is no longer the one in force */
  check(lease: Lease): Promise<void>;
}

export interface FileLeaseParts {
  /** Folder of the leases. */
  folder: string;
  clock: Clock;
  holderState(holder: Holder): HolderState;
  /** The run that is carried out under an epoch, for messages. */
  runUnder(service: string, epoch: number): Promise<string | undefined>;
  /** The highest epoch under which a run was journalled: epochs go on from it should the leases be deleted. */
  highestEpoch(service: string): Promise<number>;
}

/**
 * Leases as versioned files, `leases/SERVICE/000012.json`: every acquisition, heartbeat and release is a version, made
 * by replacing exactly the one seen. Nobody compares clocks of two machines: a holder that can't be looked up is given
 * `LEASE_TTL_MS` of the waiting process's own clock to write another version.
 */
export function fileLeases(parts: FileLeaseParts): FileLeases {
  const { folder, clock, holderState, runUnder, highestEpoch } = parts;
  const folderOf = (service: string) => join(folder, encodeURIComponent(service));
  const head = (service: string) => readHead<LeaseVersion>(folderOf(service));
  const version = (lease: Lease, state: LeaseVersion['state']): LeaseVersion => ({
    epoch: lease.epoch,
    holder: lease.holder,
    state,
    at: isoTime(clock),
  });
  const inForce = (seen: Version<LeaseVersion> | undefined, lease: Lease) =>
    seen?.value.state === 'held' && seen.value.epoch === lease.epoch;

  /** Replaces the lease's own version; false where it is no longer in force. */
  async function write(lease: Lease, state: LeaseVersion['state']): Promise<boolean> {
    for (;;) {
      const seen = await head(lease.service);
      if (!inForce(seen, lease)) return false;
      if (await replaceHead(folderOf(lease.service), seen, version(lease, state))) return true;
    }
  }

  async function refuse(service: string, { epoch, holder, at }: LeaseVersion): Promise<never> {
    throw leaseHeld(service, holder, at, await runUnder(service, epoch), clock.now());
  }

  return {
    async acquire(service, holder, signal) {
      let watched: { id: string; since: number } | undefined;
      for (;;) {
        signal.throwIfAborted();
        const seen = await head(service);
        if (seen?.value.state === 'held') {
          const state = holderState(seen.value.holder);
          const now = clock.monotonic();
          watched ??= { id: seen.id, since: now };
          const beats = watched.id !== seen.id && state === 'elsewhere';
          if (state === 'alive' || beats) await refuse(service, seen.value);
          if (state === 'elsewhere' && now - watched.since < LEASE_TTL_MS) {
            await clock.sleep(Math.min(POLL_MS, LEASE_TTL_MS - (now - watched.since)), signal);
            continue;
          }
        }
        const last = seen ? seen.value.epoch : await highestEpoch(service);
        const lease = { service, epoch: last + 1, holder };
        if (await replaceHead(folderOf(service), seen, version(lease, 'held'))) return lease;
      }
    },
    async renew(lease) {
      if (!(await write(lease, 'held'))) throw leaseLost(lease, (await head(lease.service))?.value);
    },
    async release(lease) {
      await write(lease, 'released');
    },
    async check(lease) {
      const seen = await head(lease.service);
      if (!inForce(seen, lease)) throw leaseLost(lease, seen?.value);
    },
    async info(service) {
      const seen = await head(service);
      if (!seen) return undefined;
      const { epoch, holder, state, at } = seen.value;
      const held = state === 'held' && holderState(holder) !== 'gone';
      return { service, epoch, holder, renewedAt: at, held };
    },
  };
}

const POLL_MS = 1_000;
