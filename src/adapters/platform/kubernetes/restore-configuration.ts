import type { Step } from '../../../engine/step.ts';
import type { Cluster } from '../../../kubernetes/cluster.ts';
import {
  CONFIGURATION_KINDS,
  type ConfigurationToday,
  configurationPath,
} from '../../../kubernetes/configuration-objects.ts';
import { fingerprintKey, passingKey } from '../../../kubernetes/fingerprint-key.ts';
import { inGroups } from '../../../kubernetes/in-groups.ts';
import { KIND_LABEL, SERVICE_LABEL } from '../../../kubernetes/names.ts';
import type { KubernetesObject, PodTemplate } from '../../../kubernetes/objects.ts';
import { RollbackError } from '../../../model/error.ts';
import {
  COPY_KIND,
  type CopyPlace,
  ensureCopy,
  lookAtCopy,
  type PlannedCopy,
} from './configuration/copies.ts';
import { planRestoration, type Restoration } from './configuration/plan-restoration.ts';
import type { ReleaseSnapshot } from './configuration/release-snapshot.ts';

export interface RestoreConfigurationInput {
  namespace: string;
  service: string;
  copies: PlannedCopy[];
}

export interface RestoreConfigurationOutput {
  /** `KIND/NAME` of what the target's pods refer to. */
  copies: string[];
}

/**
 * Step `restore-configuration` (phase `prove`): all copies that the target's template refers to are there, with the
 * content they must have. It only ever makes new objects, so that nothing that runs can see it.
 */
export function restoreConfiguration(
  cluster: Cluster,
): Step<RestoreConfigurationInput, RestoreConfigurationOutput> {
  return {
    async observe(input, context) {
      const looks = await lookAtAll(await placeOf(cluster, input, context.signal), input);
      const wrong = looks.find(({ state, copy }) => state === 'different' || isLost(state, copy));
      if (wrong) {
        const { kind, name } = wrong.copy;
        const why = wrong.state === 'missing' ? 'is gone' : 'does not hold what was recorded';
        return { state: 'conflict', why: `${kind} ${name} ${why}.` };
      }
      if (looks.every(({ state }) => state === 'there')) return { state: 'done', output: outputOf(input) };
      return { state: 'pending', before: null };
    },
    async apply(input, context) {
      await makeCopies(await placeOf(cluster, input, context.signal), input.copies);
      return outputOf(input);
    },
  };
}

export interface RestoreTemplate {
  cluster: Cluster;
  namespace: string;
  service: string;
  version: string;
  template: PodTemplate;
  snapshot: ReleaseSnapshot | undefined;
  today: ConfigurationToday;
  restoreSecrets: string[];
  signal: AbortSignal;
  /** Makes nothing. */
  dryRun: boolean;
}

/**
 * Plan and step in one, for what has no plan of its own.
 * @throws RollbackError `CONFIGURATION_MISSING` where the release can't have its configuration; ApiError
 */
export async function restoredTemplate(parts: RestoreTemplate): Promise<Restoration> {
  const { cluster, namespace, service, signal } = parts;
  const secrets = parts.restoreSecrets.length > 0;
  const copies = await existingCopies({ cluster, namespace, service, secrets, signal });
  const plan = planRestoration({ ...parts, copies });
  if (plan.missing.length > 0) {
    throw new RollbackError({
      code: 'CONFIGURATION_MISSING',
      summary: `${parts.version} can't have its configuration`,
      detail: plan.missing.join(' '),
      fix: 'Provide what is missing, then run the command again.',
    });
  }
  if (parts.dryRun || plan.copies.length === 0) return plan;
  const { copies: planned } = plan;
  await makeCopies(await placeOf(cluster, { namespace, service, copies: planned }, signal), planned);
  return plan;
}

/**
 * `KIND/NAME` of the copies that a service has; one list a kind, that of Secrets only where one is to go back.
 * @throws ApiError
 */
export async function existingCopies(
  parts: Pick<CopyPlace, 'cluster' | 'namespace' | 'service' | 'signal'> & { secrets: boolean },
): Promise<Set<string>> {
  const { cluster, namespace, service, secrets, signal } = parts;
  const labelSelector = `${KIND_LABEL}=${COPY_KIND},${SERVICE_LABEL}=${service}`;
  const lists = await Promise.all(
    CONFIGURATION_KINDS.filter((kind) => kind === 'ConfigMap' || secrets).map(async (kind) => {
      const path = configurationPath(kind, namespace);
      const { items } = await cluster.list<KubernetesObject>(path, { query: { labelSelector }, signal });
      return items.map(({ metadata }) => `${kind}/${metadata.name}`);
    }),
  );
  return new Set(lists.flat());
}

async function makeCopies(place: CopyPlace, copies: PlannedCopy[]): Promise<void> {
  const looks = await lookAtAll(place, { copies });
  for (const { copy, state } of looks) {
    if (state === 'there') continue;
    if (isLost(state, copy)) throw copyLost(copy);
    await ensureCopy(place, copy, {});
  }
}

/** What held something can't be made again from what is known of it; what is empty can. */
function isLost(state: Look['state'], { keys }: PlannedCopy): boolean {
  return state === 'missing' && Object.keys(keys).length > 0;
}

interface Look {
  copy: PlannedCopy;
  state: Awaited<ReturnType<typeof lookAtCopy>>;
}

async function lookAtAll(
  place: CopyPlace,
  { copies }: Pick<RestoreConfigurationInput, 'copies'>,
): Promise<Look[]> {
  return inGroups(copies, async (copy) => ({ copy, state: await lookAtCopy(place, copy) }));
}

async function placeOf(
  cluster: Cluster,
  { namespace, service, copies }: RestoreConfigurationInput,
  signal: AbortSignal,
): Promise<CopyPlace> {
  const key = copies.some(({ kind }) => kind === 'Secret')
    ? await fingerprintKey(cluster, namespace, { make: false, signal })
    : passingKey();
  return { cluster, namespace, service, key, signal };
}

function outputOf({ copies }: RestoreConfigurationInput): RestoreConfigurationOutput {
  return { copies: copies.map(({ kind, name }) => `${kind}/${name}`) };
}

function copyLost({ kind, name, of }: PlannedCopy): RollbackError {
  return new RollbackError({
    code: 'COPY_LOST',
    summary: `${kind} ${name} is gone`,
    detail: `It held what ${of} was when the release was recorded, and nothing else does.`,
    fix: `Make ${of} what it was then, or accept it as it is today.`,
  });
}
