import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leftBehind } from './left-behind.ts';
import { configMapManifest } from './manifests.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { killedOnceItSays } from './run-process.ts';

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
const GREEN = 'deployment/api-green';

describe.skipIf(!hasCluster)(
  'a blue-green pair of Deployments, one of which a Service picks by a label',
  () => {
    let rig: KubernetesRig;
    beforeEach(async () => {
      // The rig waits until its Service answers, so the live one is there first.
      rig = await kubernetesRig({
        name: 'api-blue',
        app: 'api',
        labels: { color: 'blue' },
        selector: { app: 'api', color: 'blue' },
        versions: [GOOD, BAD],
      });
    });
    afterEach(() => rig?.dispose());

    it('goes over to the idle one that has the target and is warm, and keeps the other', async () => {
      await addGreen([GOOD]);
      const pods = await podNames(rig, 'color=green');
      const { exit, output, reasons, versions, moved } = await underLoad(
        rig,
        argumentsFor(rig, 'blue-green'),
      );
      expect(output).toContain(`Rollback to ${GOOD} completed`);
      expect(exit).toBe(0);
      expect(reasons).toEqual({});
      expect(versions).toEqual([GOOD, BAD]);
      if (process.env.MATRIX) console.log(`warm: all traffic over ${moved} ms after the start\n${output}`);
      expect(await picked(rig)).toBe('green');
      expect(await podNames(rig, 'color=green')).toEqual(pods);
      const blue = await rig.get<Deployment>(rig.target);
      expect(blue.spec.replicas).toBe(3);
      const until = blue.metadata.labels['rollback-deploy-auto/warm-until']?.replaceAll('.', ':');
      expect(Date.parse(until ?? '')).toBeGreaterThan(Date.now());
      expect((await leftBehind(rig)).filter((what) => !what.endsWith('/warm-until'))).toEqual([]);

      // The other way round: what was kept warm is used as it is.
      const back = await underLoad(rig, argumentsFor(rig, 'instant', BAD));
      expect(back.output).toContain(`Rollback to ${BAD} completed`);
      expect(back.exit).toBe(0);
      expect(back.reasons).toEqual({});
      expect(await picked(rig)).toBe('blue');
      expect((await rig.get<Deployment>(GREEN)).spec.replicas).toBe(0);
      expect(await leftBehind(rig)).toEqual([]);
    });

    it('gives a cold idle one the template and the count of pods first', async () => {
      await addGreen(['v2.14.5', GOOD]);
      await rig.kubectl(['scale', GREEN, '--replicas', '0']);
      await rig.deploy('v2.14.5', GREEN);
      const { exit, output, reasons, versions } = await underLoad(rig, argumentsFor(rig, 'blue-green'));
      expect(output).toContain(`Rollback to ${GOOD} completed`);
      expect(exit).toBe(0);
      expect(reasons).toEqual({});
      expect(versions).toEqual([GOOD, BAD]);
      expect(await picked(rig)).toBe('green');
      expect((await rig.get<Deployment>(GREEN)).spec.replicas).toBe(3);
      expect((await leftBehind(rig)).filter((what) => !what.endsWith('/warm-until'))).toEqual([]);

      // Its end: not before its time; then by doctor, if nobody watches.
      const select = [rig.target, '-n', rig.namespace];
      const doctor = async (...more: string[]) => (await rig.rda(['doctor', ...select, ...more])).stdout;
      const status = async () => (await rig.rda(['status', ...select])).stdout;
      expect(await status()).toMatch(new RegExp(`Kept warm: 3 pods of ${BAD} until .*Z?\\n`));
      expect(await doctor('--fix')).not.toContain('kept warm');
      expect((await rig.get<Deployment>(rig.target)).spec.replicas).toBe(3);
      const over = 'rollback-deploy-auto/warm-until=2026-01-01T00.00.00Z';
      await rig.kubectl(['label', '--overwrite', rig.target, over]);
      expect(await status()).toMatch(/That is over; to end it: rollback-deploy-auto doctor .*--fix/);
      expect(await doctor()).toContain(
        'deployment/api-blue is still kept warm; its time was over at 2026-01-01',
      );
      expect(await doctor('--fix')).toContain('Ended: deployment/api-blue was kept warm');
      expect((await rig.get<Deployment>(rig.target)).spec.replicas).toBe(0);
      expect((await rig.get<Deployment>(GREEN)).spec.replicas).toBe(3);
      expect(await leftBehind(rig)).toEqual([]);

      // Whoever watches ends it.
      const cwd = await mkdtemp(join(tmpdir(), 'rda-pair-'));
      try {
        const platform = `{ kind: kubernetes, workloads: [${rig.target}], keepWarm: 2s }`;
        const service = `{ platform: ${platform}, registry: { kind: distribution } }`;
        await writeFile(join(cwd, 'rollback.yaml'), `services: { api: ${service} }`);
        const more = ['-n', rig.namespace, '--strategy', 'blue-green', '--version', BAD, '--yes'];
        const watched = await rig.rda([...more, '--monitor', '6'], { cwd });
        expect(watched.stdout + watched.stderr).toContain('Ended: deployment/api-green was kept warm');
      } finally {
        await rm(cwd, { recursive: true, force: true });
      }
      expect(await picked(rig)).toBe('blue');
      expect((await rig.get<Deployment>(GREEN)).spec.replicas).toBe(0);
      expect(await leftBehind(rig)).toEqual([]);
    });

    it('aborted after the switch it goes back, and the idle one is as it was', async () => {
      await addGreen(['v2.14.5']);
      await rig.kubectl(['scale', GREEN, '--replicas', '1']);
      await rig.settled(GREEN);
      const before = await rig.get<Deployment>(GREEN);
      const load = await rig.load();
      await until(async () => (await load.soFar()).ok > 0);
      await killedOnceItSays(await rig.startRda(argumentsFor(rig, 'blue-green')), /switch-pair:\S+ done/);
      expect(await picked(rig)).toBe('green');
      const aborted = await rig.rda(['abort', rig.target, '-n', rig.namespace, '--yes']);
      const end = await load.stop();
      expect(aborted.exit).toBe(0);
      expect(end.reasons).toEqual({});
      expect(await picked(rig)).toBe('blue');
      expect((await rig.get<Deployment>(GREEN)).spec).toEqual(before.spec);
      expect(await leftBehind(rig)).toEqual([]);
    });

    it('gives the target the configuration back that it was recorded with', async () => {
      const config = (mode: string) => configMapManifest('api-config', { 'config.json': mode });
      await rig.apply(config('old'));
      const volumes = [{ name: 'config', configMap: { name: 'api-config' } }];
      const container = { name: 'app', volumeMounts: [{ name: 'config', mountPath: '/etc/app' }] };
      const spec = { volumes, containers: [container] };
      const change = JSON.stringify({ spec: { template: { spec } } });
      await rig.kubectl(['patch', rig.target, '--type', 'strategic', '--patch', change]);
      await rig.deploy(GOOD);
      const recorded = await rig.rda(['snapshot', rig.target, '-n', rig.namespace]);
      expect(recorded.stdout).toMatch(/ConfigMap api-config: copy api-config-rda-/);
      await rig.apply(config('new'));
      await rig.deploy(BAD);
      await addGreen(['v2.14.5']);
      const files = async () => (await rig.configurations()).map(({ version, file }) => `${version} ${file}`);
      const { exit, output, reasons } = await underLoad(rig, argumentsFor(rig, 'instant'));
      expect(output).toContain(`Rollback to ${GOOD} completed`);
      expect(exit).toBe(0);
      expect(reasons).toEqual({});
      expect(await picked(rig)).toBe('green');
      expect([...new Set(await files())]).toEqual([`${GOOD} old`]);
      const status = await rig.rda(['status', rig.target, '-n', rig.namespace]);
      expect(status.stdout).toContain(`Current version: ${GOOD}`);
      expect(await leftBehind(rig)).toEqual([]);
    });

    it('refuses to bring pods in one by one', async () => {
      await addGreen([GOOD]);
      const run = await rig.rda(argumentsFor(rig, 'rolling'));
      expect(run.exit).toBe(2);
      expect(run.stderr).toContain('--strategy blue-green');
      expect(await picked(rig)).toBe('blue');
    });

    function addGreen(versions: string[]): Promise<void> {
      return rig.add({ name: 'api-green', app: 'api', labels: { color: 'green' }, versions });
    }
  },
);

interface Deployment {
  metadata: { labels: Record<string, string> };
  spec: { replicas: number };
}

function argumentsFor({ target, namespace }: KubernetesRig, strategy: string, version = GOOD): string[] {
  return [target, '-n', namespace, '--strategy', strategy, '--version', version, '--yes', '--monitor', '0'];
}

/** `moved`: from the start of the process to the last answer of the version that it went back from, ms. */
async function underLoad(rig: KubernetesRig, args: string[]) {
  const load = await rig.load();
  await until(async () => (await load.soFar()).ok > 100);
  const begun = Date.now();
  const from = Object.keys((await load.soFar()).versions)[0] ?? '';
  const run = await rig.rda(args);
  // The node's proxy follows the EndpointSlices within its sync period, after the run where nothing has to drain.
  const to = args[args.indexOf('--version') + 1] as string;
  if (run.exit === 0) await until(async () => to in (await load.soFar()).versions);
  const end = await load.stop();
  return {
    exit: run.exit,
    output: run.stdout + run.stderr,
    reasons: end.reasons,
    versions: Object.keys(end.versions).sort(),
    moved: (end.versions[from]?.lastSentAtMs ?? 0) - begun,
  };
}

async function picked(rig: KubernetesRig): Promise<string | undefined> {
  const { spec } = await rig.get<{ spec: { selector: Record<string, string> } }>('service/api');
  return spec.selector.color;
}

async function podNames(rig: KubernetesRig, selector: string): Promise<string[]> {
  const pods = await rig.list('pods', '--selector', selector);
  return pods.map(({ metadata }) => metadata.name).sort();
}
