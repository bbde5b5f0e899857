import { ApiError } from '../../../kubernetes/api-error.ts';
import { configReferences } from '../../../kubernetes/config-references.ts';
import { type ConfigurationToday, readToday } from '../../../kubernetes/configuration-objects.ts';
import { fingerprintKey, passingKey } from '../../../kubernetes/fingerprint-key.ts';
import type { PodTemplate } from '../../../kubernetes/objects.ts';
import { neededRights } from '../../../kubernetes/rights.ts';
import type { PlatformFacts } from '../../../model/facts.ts';
import type { Finding } from '../../../model/finding.ts';
import type { PlannedStep } from '../../../model/plan.ts';
import type { Preflight, Wanted } from '../platform.ts';
import { routeFindings, routeNeeds, routePatches } from './canary/route-preflight.ts';
import type { ClusterState } from './cluster-state.ts';
import { restorationFindings } from './configuration/findings.ts';
import { planRestoration, type Restoration } from './configuration/plan-restoration.ts';
import type { ReleaseSnapshot } from './configuration/release-snapshot.ts';
import { type OwnPair, type OwnWorkload, ownFacts } from './own-facts.ts';
import { reconcilersOf } from './owners/reconcilers-of.ts';
import { writtenRevert } from './owners/written-revert.ts';
import { preflight } from './preflight.ts';
import { patchesOf } from './preflight-patches.ts';
import { sameTemplate } from './read-view.ts';
import { existingCopies } from './restore-configuration.ts';
import { restoredRevisionId } from './restored-revision.ts';
import type { KubernetesSettings } from './settings.ts';
import { neverRan, revisionIn, withTarget } from './target-revisions.ts';
import { resourceOf, type WorkloadView, workloadText } from './view.ts';

export interface PrepareTargetInput {
  state: ClusterState;
  service: string;
  settings: KubernetesSettings;
  facts: PlatformFacts;
  wanted: Wanted;
  views: WorkloadView[];
  /** By revision. */
  snapshots: Record<string, ReleaseSnapshot>;
  signal: AbortSignal;
}

/** Everything that is looked at for one target: what stands against it, and the configuration it had. Reads only. */
export async function prepareTarget(input: PrepareTargetInput): Promise<Preflight> {
  const { state, views, wanted, settings, signal } = input;
  const { cluster, namespace } = state;
  const [restored, reconcilers] = await Promise.all([
    restoredFacts(input),
    settings.reconciler === 'suspend' ? reconcilersOf(cluster, views, signal) : [],
  ]);
  const own = {
    ...ownFacts(restored.facts),
    reconcilers,
    reason: wanted.reason ?? `Rollback ${wanted.runId}`,
  };
  const facts = { ...restored.facts, own };
  const targets = views.flatMap((view) => {
    const found = own.workloads.find(({ workload }) => workload === workloadText(view.workload));
    const to = found && revisionIn(restored.facts, found, restored.to.id);
    return to ? [{ workload: view.workload, template: to.template, hash: to.id }] : [];
  });
  const names: Record<string, string[]> = {
    services: views.flatMap((view) => view.services.map(({ metadata }) => metadata.name)),
  };
  for (const { workload } of views)
    names[resourceOf(workload.kind)] = [...(names[resourceOf(workload.kind)] ?? []), workload.name];
  const [all, access] = [await state.all(signal), await state.routes(signal)];
  const routes = own.canary?.routes ?? [];
  names.httproutes = routes.map(({ name }) => name);
  const { findings, beside } = await preflight({
    cluster,
    namespace,
    views,
    platform: { ...settings, batch: wanted.strategy === 'rolling' ? wanted.batch : facts.desired },
    targets,
    needs: routeNeeds(
      neededRights({ kinds: views.map(({ workload }) => workload.kind), names }),
      access,
      routes,
    ),
    patches: [
      ...patchesOf(views, targets, own.workloads),
      ...routePatches(all.httproutes, routes, wanted.runId),
    ],
    signal,
  });
  const revert =
    settings.reconciler === 'git-revert'
      ? await writtenRevert({ cluster, views, targets, clone: settings.clone, signal }).catch(unread)
      : undefined;
  findings.push(...routeFindings(all.httproutes, routes, settings));
  findings.unshift(...neverRan(restored.facts, restored.to));
  return {
    findings,
    configuration: restored.findings,
    facts: { ...facts, ...(beside !== undefined && wanted.strategy === 'rolling' && { beside }) },
    to: restored.to,
    prove: restored.prove,
    revert,
  };

  /** What can't be read is a finding already. */
  function unread(error: unknown): undefined {
    signal.throwIfAborted();
    if (!(error instanceof ApiError)) throw error;
  }
}

interface RestoredFacts {
  facts: PlatformFacts;
  to: Wanted['to'];
  findings: Finding[];
  prove: PlannedStep[];
}

/** The facts with the target's configuration: where today's differs, its template refers to copies of the old one. */
async function restoredFacts(input: PrepareTargetInput): Promise<RestoredFacts> {
  const { facts, wanted, views } = input;
  const own = ownFacts(facts);
  if (own.pair) return restoredPair(input, own.pair);
  const findings: Finding[] = [];
  const prove: PlannedStep[] = [];
  let to = wanted.to;
  const changed = new Map<string, { id: string; template: PodTemplate }>();
  for (const [i, workload] of own.workloads.entries()) {
    const view = views[i] as WorkloadView;
    const revision = revisionIn(facts, workload, wanted.to.id);
    if (!revision) continue;
    const plan = await restorationOf(input, revision);
    findings.push(...restorationFindings(wanted.to.version, plan));
    if (plan.template === revision.template || plan.missing.length > 0) continue;
    if (view.workload.kind === 'rollout') {
      findings.push(notRestored(workload));
      continue;
    }
    // One that has the template already is what its controller takes.
    const same = view.revisions.find(({ template }) => sameTemplate(template, plan.template));
    const id = same?.id ?? restoredRevisionId(plan.template, view.workload);
    const restored = { id, template: plan.template };
    changed.set(workload.workload, restored);
    if (i === 0) to = { ...to, id: restored.id };
    prove.push(...restoreSteps(input, workload.workload, plan));
    const made = { workload: workload.workload, release: restored.id, template: restored.template };
    prove.push({ ...AT, id: `create-revision:${workload.workload}`, kind: 'create-revision', input: made });
  }
  return { facts: withTarget(facts, wanted.to, to, changed), to, findings: once(findings), prove };
}

/** The same for a pair: the idle one gets the template, under an id that its content has wherever it is made. */
async function restoredPair(input: PrepareTargetInput, pair: OwnPair): Promise<RestoredFacts> {
  const { facts, wanted, snapshots } = input;
  const same = { facts, to: wanted.to, findings: [], prove: [] };
  const release = pair.releases[wanted.to.id];
  if (!release) return same;
  const { template, revisions } = release;
  // It was recorded under the name of the revision of the one that was live then.
  const id = Object.values(revisions).find((revision) => snapshots[revision]) ?? '';
  const plan = await restorationOf(input, { id, template });
  const findings = restorationFindings(wanted.to.version, plan);
  if (plan.template === template || plan.missing.length > 0) return { ...same, findings };
  const to = { ...wanted.to, id: restoredRevisionId(plan.template) };
  const made = { template: plan.template, revisions: {}, alive: [], isLive: false };
  const releases = { ...pair.releases, [to.id]: pair.releases[to.id] ?? made };
  const known = facts.releases.some((one) => one.id === to.id);
  return {
    facts: {
      ...facts,
      releases: known ? facts.releases : [...facts.releases, to],
      own: { ...ownFacts(facts), pair: { ...pair, releases } },
    },
    to,
    findings,
    prove: restoreSteps(input, pair.idle, plan),
  };
}

/** Makes the copies that the template refers to. */
function restoreSteps(
  { state, service }: PrepareTargetInput,
  workload: string,
  { copies }: Restoration,
): PlannedStep[] {
  if (copies.length === 0) return [];
  const { namespace } = state;
  const id = `restore-configuration:${workload}`;
  return [{ ...AT, id, kind: 'restore-configuration', input: { namespace, service, copies } }];
}

const AT = { phase: 'prove' as const, after: [], safePoint: true, timeoutMs: 60_000, estimateMs: 200 };

async function restorationOf(
  { state, service, wanted, snapshots, settings, signal }: PrepareTargetInput,
  { id, template }: { id: string; template: PodTemplate },
): Promise<Restoration> {
  const { cluster, namespace } = state;
  const restoreSecrets = [...new Set([...settings.restoreSecrets, ...wanted.restoreSecrets])];
  const references = configReferences(template);
  let today: ConfigurationToday = { objects: [], keyId: undefined } as unknown as ConfigurationToday;
  let copies = new Set<string>();
  if (references.configMaps.length + references.secrets.length > 0) {
    const make = false;
    const key =
      references.secrets.length > 0
        ? await fingerprintKey(cluster, namespace, { make, signal })
        : passingKey();
    [today, copies] = await Promise.all([
      readToday({ cluster, namespace, references, key, signal }),
      existingCopies({ cluster, namespace, service, secrets: restoreSecrets.length > 0, signal }),
    ]);
  }
  const { version } = wanted.to;
  return planRestoration({
    service,
    version,
    template,
    snapshot: snapshots[id],
    today,
    restoreSecrets,
    copies,
  });
}

function notRestored({ workload }: OwnWorkload): Finding {
  return {
    check: 'configuration',
    status: 'warn',
    title: `Configuration of ${workload} does not go back: its revisions are numbered by its controller`,
    evidence: ['It runs with what its ConfigMaps hold today.'],
    blocking: false,
    fix: [],
    headline: false,
  };
}

/** Several workloads say the same of what they share. */
function once(findings: Finding[]): Finding[] {
  const titles = new Set<string>();
  return findings.filter(({ title }) => !titles.has(title) && titles.add(title));
}
