import type { Pod } from '../../../kubernetes/objects.ts';
import type { Finding } from '../../../model/finding.ts';
import { MOST_AHEAD } from '../../../model/plan.ts';
import { ownershipFindings } from './owners/ownership-findings.ts';
import { connectionFindings } from './preflight/connections.ts';
import { budgetFindings } from './preflight/disruption.ts';
import { type Claims, downtimeFindings, isBesideKind, readClaims } from './preflight/downtime.ts';
import { tryPatch, tryPod } from './preflight/dry-run.ts';
import { looked } from './preflight/finding-of.ts';
import type { PreflightInput } from './preflight/input.ts';
import { fitsNodes, type Nodes, nodeFindings, readNodes } from './preflight/nodes.ts';
import { rightsFindings } from './preflight/rights.ts';
import {
  fitsQuotas,
  mostBeside,
  type Quotas,
  quotaFindings,
  readQuotas,
  type Surge,
  surgesOf,
  unschedulableFindings,
} from './preflight/room.ts';
import { sharedSignal } from './preflight/shared-signal.ts';
import { workloadText } from './view.ts';

/** What a look at the cluster says of a rollback. */
export interface Verdict {
  findings: Finding[];
  /** Pods that there is room for beside those that run, at most `mostBeside`; undefined where that is not known. */
  beside: number | undefined;
}

/**
 * What stands against the rollback in the cluster: may we, would it be admitted, is there room, who else changes it,
 * what does it cost. Reads, and tries with `dryRun=All`; stores nothing. All looks run at once, and one that fails is a
 * finding of its own (`unknown`), so that the verdict is whole. @throws only where the signal was aborted
 */
export async function preflight(given: PreflightInput): Promise<Verdict> {
  const input = { ...given, signal: sharedSignal(given.signal) };
  const { cluster, namespace, views, platform, signal } = input;
  const look = (check: string, what: string, work: () => Promise<Finding[]>) =>
    looked(check, what, signal, work);
  const claims = readClaims(input);
  const room = podsAndRoom(input, claims);
  const found = await Promise.all([
    look('rights', 'Rights', () => rightsFindings(cluster, namespace, input.needs, signal)),
    look('platform', 'What admission says of the changes', () =>
      Promise.all(input.patches.map((patch) => tryPatch(input, patch))),
    ),
    room.then(({ findings }) => findings),
    look('capacity', 'Disruption budgets', () => budgetFindings(input)),
    look('downtime', 'Whether it may run twice', async () => downtimeFindings(views, platform, await claims)),
    look('ownership', 'Who else changes the workload', () => ownershipFindings(input)),
    unschedulableFindings(views),
    connectionFindings(views, platform),
  ]);
  return { findings: found.flat(), beside: (await room).beside };
}

/** Room is counted with the pod as admission would make it, which is read beside what there is room in. */
async function podsAndRoom(input: PreflightInput, claims: Promise<Claims>): Promise<Verdict> {
  const { signal } = input;
  const [quotas, nodes] = input.views.some(isBesideKind)
    ? [unwatched(readQuotas(input)), unwatched(readNodes(input))]
    : [];
  const { findings, admitted } = await tryPods(input);
  // Where the claims could not be read, the look at downtime says so.
  const known = await claims.catch(() => new Map());
  const surges = surgesOf(input, admitted, known);
  if (surges.length === 0 || !quotas || !nodes) return { findings, beside: undefined };
  const room = await Promise.all([
    looked('capacity', 'Room in the quota', signal, async () => quotaFindings(await quotas, input, surges)),
    looked('capacity', 'Room on the nodes', signal, async () => nodeFindings(await nodes, surges)),
  ]);
  const beside = roomBeside(
    await quotas.catch(() => undefined),
    await nodes.catch(() => undefined),
    surges,
    input.platform.batch,
  );
  return { findings: [...findings, ...room.flat()], beside };
}

/** Pods that fit beside those that run: quotas are a bound, nodes only say where there is much. */
function roomBeside(
  quotas: Quotas | undefined,
  nodes: Nodes | undefined,
  surges: Surge[],
  batch: number,
): number | undefined {
  if (!quotas || quotas.scoped.length > 0) return undefined;
  const most = Math.max(...surges.map(({ replicas }) => mostBeside(replicas)));
  const more = (pods: number) =>
    surges.map((surge) => ({ ...surge, pods: Math.min(pods, mostBeside(surge.replicas)) }));
  for (let pods = 1; pods <= most; pods++) if (!fitsQuotas(quotas, more(pods))) return pods - 1;
  return fitsNodes(nodes, more(MOST_AHEAD * batch)) ? most : undefined;
}

async function tryPods(input: PreflightInput): Promise<{ findings: Finding[]; admitted: Map<string, Pod> }> {
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
  return { findings: tried.flat(), admitted };
}

/** It may fail while nobody waits for it yet; who does is told. */
function unwatched<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {});
  return work;
}
