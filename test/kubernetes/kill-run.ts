import { killProxy } from './kill-proxy.ts';
import { keptTemplate, leftBehind, withoutTemplate } from './left-behind.ts';
import { until } from './namespace.ts';
import type { KubernetesRig } from './rig.ts';

export type KilledStrategy = 'rolling' | 'instant' | 'blue-green' | 'rolling, two at once';

/** The client is killed around one write of its journal; then another goes on from an empty folder. */
export interface KillCase {
  strategy: KilledStrategy;
  write: number;
  /** What that write says. */
  kind: string;
  when: 'before' | 'after';
  goOnBy: 'resume' | 'abort';
}

const VERSIONS = ['v2.14.3', 'v2.14.4'] as const;

export function nameOf({ strategy, write, kind, when, goOnBy }: KillCase): string {
  return `${strategy}: killed ${when} write ${write} (${kind}), then ${goOnBy}`;
}

/** Goes from whichever version serves to the other one. */
export async function nextVersions(rig: KubernetesRig): Promise<{ from: string; to: string }> {
  const seen = new Set((await rig.configurations()).map(({ version }) => version));
  const [from] = seen;
  const to = VERSIONS.find((version) => version !== from);
  if (seen.size !== 1 || !from || !to) throw new Error(`${[...seen].join(' and ')} serve.`);
  return { from, to };
}

export function rollbackArguments(rig: KubernetesRig, strategy: KilledStrategy, to: string): string[] {
  const selection = [rig.target, '--namespace', rig.namespace];
  const [name = '', atOnce] = strategy.split(', ');
  const batch = atOnce ? ['--batch', '2'] : [];
  return [...selection, '--version', to, '--strategy', name, ...batch, '--yes', '--monitor', '0'];
}

/** Runs the case under load; returns what is wrong with how it came out. */
export async function runKillCase(rig: KubernetesRig, kill: KillCase): Promise<string[]> {
  const { from, to } = await nextVersions(rig);
  const before = await rig.configured();
  const earlier = (await newest(rig))?.runId;
  const load = await rig.load({ rate: 100 });
  await until(async () => (await load.soFar()).ok > 0);
  const wrong: string[] = [];

  const killed = await killedAt(rig, kill, to);
  if (killed !== 137) wrong.push(`the client was not killed: it ended with ${killed}`);
  const run = await newest(rig);
  // Killed before the run was there is nothing to go on with; killed after its last entry there is not either.
  const isNew = run !== undefined && run.runId !== earlier;
  if (isNew && run.end === undefined) {
    const second = await rig.rda([kill.goOnBy, '--namespace', rig.namespace, '--yes']);
    if (second.exit !== 0)
      wrong.push(`${kill.goOnBy} ended with ${second.exit}\n${second.stdout}\n${second.stderr}`);
  }
  // What went wrong before says more than that it does not settle.
  await rig.settled().catch((error: Error) => wrong.push(`it does not settle: ${error.message}`));
  const report = await load.stop();
  if (report.failed > 0)
    wrong.push(`${report.failed} of ${report.sent} failed: ${JSON.stringify(report.reasons)}`);

  const ended = isNew ? (await newest(rig))?.end : 'unchanged';
  if (ended === undefined) wrong.push('the run has no end');
  if (isNew && run.end === undefined && kill.goOnBy === 'resume' && ended !== 'target')
    wrong.push(`resumed, it ended on ${ended}`);
  const expected = ended === 'target' ? to : from;
  const pods = (await rig.configurations()).map(({ version }) => version).sort();
  const wanted = VERSIONS.includes(expected as (typeof VERSIONS)[number])
    ? [expected, expected, expected]
    : [];
  if (pods.join() !== wanted.join()) wrong.push(`it ended on ${ended}, and pods have ${pods.join(', ')}`);
  const after = await rig.configured();
  same('Service', after.service, before.service);
  same('Deployment', withoutTemplate(after.workload), withoutTemplate(before.workload));
  same('template', (after.workload.spec as Spec).template, await keptTemplate(rig, expected));
  wrong.push(...(await leftBehind(rig)).map((what) => `left behind: ${what}`));
  return wrong;

  function same(what: string, now: unknown, then: unknown): void {
    // Two answers of one API server name their fields in one order.
    if (JSON.stringify(now) === JSON.stringify(then)) return;
    wrong.push(`the ${what} was\n${JSON.stringify(then)}\nand is\n${JSON.stringify(now)}`);
  }
}

/** Exit code of the client. */
async function killedAt(rig: KubernetesRig, kill: KillCase, to: string): Promise<number> {
  let client: Awaited<ReturnType<KubernetesRig['startRda']>> | undefined;
  const proxy = await killProxy(rig.namespace, {
    write: kill.write,
    when: kill.when,
    async kill() {
      client?.child.kill('SIGKILL');
      await client?.ended;
    },
  });
  try {
    client = await rig.startRda(rollbackArguments(rig, kill.strategy, to), {
      env: { KUBECONFIG: proxy.kubeconfig },
    });
    return (await client.ended).exit;
  } finally {
    await proxy.close();
  }
}

interface Spec {
  template: object;
}

/** The newest run as its record tells it. */
async function newest(rig: KubernetesRig): Promise<{ runId: string; end?: string } | undefined> {
  const history = await rig.rda(['history', rig.target, '--namespace', rig.namespace, '--output', 'json']);
  if (history.exit !== 0) throw new Error(`history ended with ${history.exit}\n${history.stderr}`);
  return (JSON.parse(history.stdout) as { runId: string; end?: string }[])[0];
}
