import { createHash } from 'node:crypto';
import { EXIT, RollbackError } from './error.ts';
import { didYouMean } from './suggest.ts';

/** Kinds of Kubernetes workloads that can be rolled back, and what kubectl calls them (`kubectl api-resources`). */
const KINDS = {
  deployment: { names: ['deployments', 'deploy'], group: 'apps' },
  statefulset: { names: ['statefulsets', 'sts'], group: 'apps' },
  daemonset: { names: ['daemonsets', 'ds'], group: 'apps' },
  rollout: { names: ['rollouts', 'ro'], group: 'argoproj.io' },
} as const;

export const WORKLOAD_KINDS = Object.keys(KINDS);

/** A service name as the configuration takes it. */
const SERVICE_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export interface WorkloadWords {
  /** E.g. `deployment/api`; undefined where none was named. */
  workload: string | undefined;
  /** The other words, in order. */
  rest: string[];
}

/**
 * Finds the workload among the operands of a command: `KIND/NAME` anywhere, or `KIND NAME` as two words, kinds as
 * kubectl takes them.
 * @throws RollbackError `WORKLOAD_KIND_UNKNOWN`, `WORKLOAD_INVALID` (exit 2)
 */
export function workloadAmong(words: readonly string[]): WorkloadWords {
  const slashed = words.findIndex((word) => word.includes('/'));
  if (slashed !== -1) {
    const word = words[slashed] as string;
    const at = word.indexOf('/');
    const rest = words.filter((_, i) => i !== slashed);
    return { workload: workloadOf(word.slice(0, at), word.slice(at + 1)), rest };
  }
  const [first, name] = words;
  if (first === undefined || kindOf(first) === undefined) return { workload: undefined, rest: [...words] };
  return { workload: workloadOf(first, name ?? ''), rest: words.slice(2) };
}

/**
 * What a service is called that only its workload names: a Deployment's own name, `KIND-NAME` for the others, so that
 * no two workloads of a namespace share journal and lease.
 */
export function serviceNameOf(workload: string): string {
  const [kind = '', name = ''] = workload.split('/');
  const taken = WORKLOAD_KINDS.some((one) => name.startsWith(`${one}-`));
  const full = kind === 'deployment' && !taken ? name : `${kind}-${name}`;
  if (SERVICE_NAME.test(full)) return full;
  const tag = createHash('sha256').update(full).digest('hex').slice(0, 8);
  return `${full.replaceAll('.', '-').slice(0, 54)}-${tag}`;
}

function workloadOf(typed: string, name: string): string {
  const kind = kindOf(typed);
  if (kind === undefined) {
    throw new RollbackError({
      code: 'WORKLOAD_KIND_UNKNOWN',
      summary: `Unknown kind of workload "${typed}"${didYouMean(typed, WORKLOAD_KINDS)}`,
      detail: `Kinds are: ${WORKLOAD_KINDS.join(', ')}.`,
      fix: 'Name a workload as KIND/NAME, e.g.: rollback-deploy-auto deployment/api',
      exit: EXIT.usage,
    });
  }
  // RFC 1123, as the API server wants names of workloads.
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)) return `${kind}/${name}`;
  throw new RollbackError({
    code: 'WORKLOAD_INVALID',
    summary: name === '' ? `The ${kind} is not named` : `"${name}" cannot be the name of a ${kind}`,
    detail: 'Names have lower-case letters, digits, "-" and ".".',
    fix: `See what there is: kubectl get ${kind}s`,
    exit: EXIT.usage,
  });
}

/** `deploy`, `Deployments`, `deployment.apps`, `deployments.v1.apps`: all the same. */
function kindOf(typed: string): string | undefined {
  const [short, ...qualified] = typed.toLowerCase().split('.');
  for (const [kind, { names, group }] of Object.entries(KINDS)) {
    if (short !== kind && !(names as readonly string[]).includes(short as string)) continue;
    const said = qualified.join('.').replace(/^v\d\w*\./, '');
    if (said === '' || said === group) return kind;
  }
  return undefined;
}
