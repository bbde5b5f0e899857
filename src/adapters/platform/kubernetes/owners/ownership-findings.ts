import type { Finding } from '../../../../model/finding.ts';
import { findingOf, saysOf } from '../preflight/finding-of.ts';
import type { PreflightInput } from '../preflight/input.ts';
import { readOthers } from './other-objects.ts';
import type { Owner } from './owner.ts';
import { ownersOf } from './owners-of.ts';
import { reconcilerFindings } from './reconciler-findings.ts';
import { withManagers } from './with-managers.ts';

const ACCEPT = 'Go on all the same: add --accept ownership --reason TEXT';

/** Who else writes the workloads, and what that means for the rollback. */
export async function ownershipFindings(
  input: Pick<PreflightInput, 'cluster' | 'namespace' | 'views' | 'platform' | 'signal'>,
): Promise<Finding[]> {
  const { others, unknown } = await readOthers(input);
  const views = await withManagers(input.cluster, input.views, input.signal).catch((error) => {
    input.signal.throwIfAborted();
    const evidence = [saysOf(error)];
    unknown.push(
      findingOf('ownership', 'unknown', 'Who wrote the fields of the workload: not known', { evidence }),
    );
    return input.views;
  });
  const owners = ownersOf(views, others);
  const reconcilers = owners.filter((owner) => owner.kind === 'reconciler');
  const seen = new Set<string>();
  const found = await Promise.all(
    reconcilers
      .filter(({ reconciler: { kind, namespace, name } }) => {
        const key = `${kind} ${namespace}/${name}`;
        return !seen.has(key) && seen.add(key);
      })
      .map((owner) =>
        reconcilerFindings(input, owner).catch((error) => {
          input.signal.throwIfAborted();
          const title = `${owner.reconciler.name} may put the newer release back, and could not be read`;
          const evidence = [owner.evidence, saysOf(error)];
          return [findingOf('ownership', 'unknown', title, { evidence, fix: [ACCEPT], blocking: true })];
        }),
      ),
  );
  return [...found.flat(), ...owners.flatMap(findingFor), ...unknown];
}

function findingFor(owner: Owner): Finding[] {
  const evidence = [owner.evidence];
  switch (owner.kind) {
    case 'reconciler':
      return [];
    case 'hpa':
    case 'keda': {
      const title = `${owner.workload} is scaled by ${owner.kind === 'hpa' ? 'HPA' : 'KEDA'} ${owner.name}: its live number of pods stays`;
      return [findingOf('ownership', 'ok', title, { evidence })];
    }
    case 'operator': {
      const { kind, name } = owner.owner;
      const title = `${owner.workload} belongs to ${kind} ${name}, whose operator may put the newer template back`;
      const fix = [`Roll back through ${kind} ${name} itself`, ACCEPT];
      return [findingOf('ownership', 'fail', title, { evidence, fix })];
    }
    case 'helm':
      return [helmFinding(owner)];
    case 'field-manager': {
      if (!owner.declares) {
        const title = `${owner.workload} was also written by ${owner.manager}`;
        return [findingOf('ownership', 'ok', title, { evidence })];
      }
      const title = `${owner.manager} declares ${owner.workload}; its next run puts back what it declares`;
      const fix = ['Put the restored release into what it declares before it runs again.'];
      return [findingOf('ownership', 'warn', title, { evidence, fix })];
    }
  }
}

function helmFinding({
  workload,
  release,
  namespace,
  newest,
  evidence,
}: Extract<Owner, { kind: 'helm' }>): Finding {
  const status = newest?.status ?? 'unknown';
  if (status.startsWith('pending-')) {
    const title = `A Helm operation on ${release} is under way (${status})`;
    const fix = [
      `Wait for it, or see whether it was left behind: helm history ${release} -n ${namespace}`,
      ACCEPT,
    ];
    return findingOf('ownership', 'fail', title, { evidence: [evidence], fix });
  }
  const title = `${workload} is part of the Helm release ${release}, whose history does not see this rollback`;
  const stays = newest ? `Helm goes on calling revision ${newest.revision} ${newest.status}.` : '';
  const upgrade = `helm upgrade ${release} -n ${namespace}`;
  const meaning =
    'The next "helm upgrade" writes all that its chart declares: with the values of the newer release it brings that back.';
  const fix = [`Put the restored version into the chart or its values before the next: ${upgrade}`];
  return findingOf('ownership', 'warn', title, { evidence: [evidence, `${stays} ${meaning}`.trim()], fix });
}
