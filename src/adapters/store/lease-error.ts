import { EXIT, RollbackError } from '../../model/error.ts';
import type { Holder } from '../../model/journal.ts';
import type { Lease } from './store.ts';

/**
 * Somebody else moves the service now.
 * @param at ISO 8601, the last heartbeat.
 * @param runId What they carry out, where it is known.
 * @param nowMs ms since the epoch.
 */
export function leaseHeld(
  service: string,
  holder: Holder,
  at: string,
  runId: string | undefined,
  nowMs: number,
): RollbackError {
  const ago = Math.max(0, Math.round((nowMs - Date.parse(at)) / 1000));
  const run = runId === undefined ? 'has the lease' : `is carrying out run ${runId}`;
  const named = runId === undefined ? '' : ` ${runId}`;
  return new RollbackError({
    code: 'LEASE_HELD',
    summary: `${service} is being worked on by ${holder.user}@${holder.host}`,
    detail: `Process ${holder.pid} on ${holder.host} ${run}; its last heartbeat was ${ago} s ago (${at}).`,
    fix: [
      'See what it does: rollback-deploy-auto status',
      `Ask it to go back: rollback-deploy-auto abort${named}`,
      `Go on once its process is gone: rollback-deploy-auto resume${named}`,
    ].join('\n'),
    exit: EXIT.refused,
  });
}

/** The lease is no longer in force; `now` is what is, where anything is. */
export function leaseLost(
  lease: Lease,
  now: { epoch: number; holder: Holder; state: 'held' | 'released' } | undefined,
): RollbackError {
  return lost(lease, whoHas(lease, now));
}

/** Another holder wrote to the run's journal meanwhile. */
export function journalTaken(lease: Lease, runId: string, number: number): RollbackError {
  return lost(lease, `Another client has written entry ${number} of run ${runId}.`);
}

function lost(lease: Lease, detail: string): RollbackError {
  return new RollbackError({
    code: 'LEASE_LOST',
    summary: `This client may no longer move ${lease.service}`,
    detail: `${detail} Nothing was written under epoch ${lease.epoch} after that.`,
    fix: 'See who works on it: rollback-deploy-auto status',
    exit: EXIT.interrupted,
  });
}

function whoHas(lease: Lease, now: Parameters<typeof leaseLost>[1]): string {
  if (!now) return 'The lease was removed.';
  if (now.epoch === lease.epoch) return 'The lease was let go.';
  const { user, host, pid } = now.holder;
  return `Epoch ${now.epoch} was taken by ${user}@${host} (process ${pid}).`;
}
