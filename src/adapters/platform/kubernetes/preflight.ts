import type { Pod } from '../../../kubernetes/objects.ts';
import type { Finding } from '../../../model/finding.ts';
import { ownershipFindings } from './owners/ownership-findings.ts';
import { connectionFindings } from './preflight/connections.ts';
import { budgetFindings } from './preflight/disruption.ts';
import { type Claims, downtimeFindings, readClaims } from './preflight/downtime.ts';
import { tryPatch, tryPod } from './preflight/dry-run.ts';
import { looked } from './preflight/finding-of.ts';
import type { PreflightInput } from './preflight/input.ts';
import { nodeFindings } from './preflight/nodes.ts';
import { rightsFindings } from './preflight/rights.ts';
import { quotaFindings, surgesOf, unschedulableFindings } from './preflight/room.ts';
import { sharedSignal } from './preflight/shared-signal.ts';
import { workloadText } from './view.ts';

/**
 * What stands against the rollback in the cluster: may we, would it be admitted, is there room, who else changes it,
 * what does it cost. Reads, and tries with `dryRun=All`; stores nothing. All looks run at once, and one that fails is a
 * finding of its own (`unknown`), so that the verdict is whole. @throws only where the signal was aborted
 */
export async function preflightFindings(given: PreflightInput): Promise<Finding[]> {
  const input = { ...given, signal: sharedSignal(given.signal) };
  const { cluster, namespace, views, platform, signal } = input;
  const look = (check: string, what: string, work: () => Promise<Finding[]>) =>
    looked(check, what, signal, work);
  const claims = readClaims(input);
  const found = await Promise.all([
    look('rights', 'Rights', () => rightsFindings(cluster, namespace, input.needs, signal)),
    look('platform', 'What admission says of the changes', () =>
      Promise.all(input.patches.map((patch) => tryPatch(input, patch))),
    ),
    podsAndRoom(input, claims),
    look('capacity', 'Disruption budgets', () => budgetFindings(input)),
    look('downtime', 'Whether it may run twice', async () => downtimeFindings(views, platform, await claims)),
    look('ownership', 'Who else changes the workload', () => ownershipFindings(input)),
    unschedulableFindings(views),
    connectionFindings(views, platform),
  ]);
  return found.flat();
}

/** Room is counted with the pod as admission would make it, so the server is asked for that first. */
async function podsAndRoom(input: PreflightInput, claims: Promise<Claims>): Promise<Finding[]> {
  const { views, targets, signal } = input;
  const admitted = new Map<string, Pod>();
  const tried = await Promise.all(
    targets.map(async (target) => {
      const view = views.find(({ workload }) => workloadText(workload) === workloadText(target.workload));
      if (!view) return [];
      return looked('platform', 'What admission says of a target pod', signal, async () => {
        const { finding, pod } = await tryPod(input, view, target);
        if (pod) admitted.set(workloadText(view.workload), pod);
        return [finding];
      });
    }),
  );
  // Where the claims could not be read, the look at downtime says so.
  const surges = surgesOf(input, admitted, await claims.catch(() => new Map()));
  const room = await Promise.all([
    looked('capacity', 'Room in the quota', signal, () => quotaFindings(input, surges)),
    looked('capacity', 'Room on the nodes', signal, () => nodeFindings(input, surges)),
  ]);
  return [...tried, ...room].flat();
}
