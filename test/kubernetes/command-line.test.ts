import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/model/record.ts';
import type { ServiceStatus } from '../../src/model/views.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

describe.skipIf(!hasCluster)('a workload by its name alone', () => {
  let rig: KubernetesRig;
  let folder: string;
  let runId: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cli-kubernetes-'));
    rig = await kubernetesRig({ replicas: 2 });
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rig?.dispose();
  });

  /** Runs the built program in a folder without a configuration. */
  function run(words: string, env: NodeJS.ProcessEnv = {}, cwd = folder) {
    const child = spawn(process.execPath, [CLI, ...words.split(' ')], {
      cwd,
      env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: process.env.KUBECONFIG, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = { exit: null as number | null, stdout: '', stderr: '' };
    child.stdout.on('data', (data) => {
      ended.stdout += data;
    });
    child.stderr.on('data', (data) => {
      ended.stderr += data;
    });
    return new Promise<typeof ended>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (exit) => resolve({ ...ended, exit }));
    });
  }
  const statusOf = async (words: string, env?: NodeJS.ProcessEnv) =>
    JSON.parse((await run(`status ${words} --output json`, env)).stdout) as ServiceStatus;

  it('is shown, in the words of kubectl, with the kubeconfig as an option', async () => {
    const seen = await statusOf(`deploy api -n ${rig.namespace}`);
    expect(seen).toMatchObject({ target: `kubernetes/${rig.namespace}/deployment/api`, desired: 2 });
    expect(seen.current?.version).toBe('v2.14.4');
    const given = await statusOf(
      `deployments.apps/api --namespace ${rig.namespace} --kubeconfig ${process.env.KUBECONFIG}`,
      { KUBECONFIG: '/nowhere' },
    );
    expect(given.current).toEqual(seen.current);
  });

  it('is rolled back; its state is in the cluster and nowhere else, found by namespace and run', async () => {
    const words = `deployment/api --namespace ${rig.namespace} --version v2.14.3 --monitor 0 --output json`;
    const { stdout, stderr } = await run(words);
    const record = JSON.parse(stdout) as RunRecord;
    expect(record, stderr).toMatchObject({ service: 'api', end: 'target', to: { version: 'v2.14.3' } });
    expect(record.monitor).toBeUndefined();
    ({ runId } = record);
    expect((await statusOf(`deployment/api -n ${rig.namespace}`)).current?.version).toBe('v2.14.3');
    const shown = JSON.parse((await run(`show last -n ${rig.namespace} --output json`)).stdout);
    expect(shown).toMatchObject({ runId, service: 'api' });
    const { stdout: runs } = await run(`history deploy/api -n ${rig.namespace}`);
    expect(runs).toContain(runId);
    const over = await run(`resume ${runId} -n ${rig.namespace}`);
    expect(over).toMatchObject({ exit: 2 });
    expect(over.stderr).toContain(`rollback-deploy-auto show deployment/api -n ${rig.namespace} ${runId}`);
  });

  it('with no unfinished run leaves nothing to resume or to abort', async () => {
    for (const command of ['resume', 'abort']) {
      const { exit, stderr } = await run(`${command} -n ${rig.namespace}`);
      expect({ exit, stderr }).toMatchObject({ exit: 2 });
      expect(stderr).toContain(`No run in namespace ${rig.namespace} is unfinished (NOTHING_TO_RESUME)`);
    }
    expect(await run(`abort deployment/api -n ${rig.namespace}`)).toMatchObject({ exit: 0 });
  });

  it('uses the settings of a configuration that has it; -n wins', async () => {
    const configured = await mkdtemp(join(tmpdir(), 'cli-configured-'));
    try {
      await writeFile(
        join(configured, 'rollback.yaml'),
        `services:
  storefront:
    platform: { kind: kubernetes, namespace: elsewhere, workloads: [deployment/api] }
    registry: { kind: distribution }
    health: { path: /healthz }
`,
      );
      const { stdout } = await run(`doctor deploy/api -n ${rig.namespace}`, {}, configured);
      expect(stdout).toContain(`Platform kubernetes/${rig.namespace}/deployment/api answers`);
      expect(stdout).toContain('No run of storefront is unfinished');
      expect(stdout).toContain('Health GET /healthz of deployment/api through the API server: 200 OK');
    } finally {
      await rm(configured, { recursive: true });
    }
  });

  it('that is not there is said, with the context and the kubeconfig that are not', async () => {
    const rows: [words: string, code: string][] = [
      [`status deploy/apy -n ${rig.namespace}`, 'WORKLOAD_UNKNOWN'],
      ['status deploy/api --context nobody', 'CONTEXT_UNKNOWN'],
      ['status deploy/api --kubeconfig /nowhere', 'KUBECONFIG_NOT_FOUND'],
    ];
    for (const [words, code] of rows) {
      const { exit, stderr } = await run(words);
      expect({ exit, stderr }).toMatchObject({ exit: 2, stderr: expect.stringContaining(`(${code})`) });
    }
  });

  it('and its rights as YAML that the API server takes', async () => {
    const { stdout } = await run(`init --rbac -n ${rig.namespace} --service-account ci`);
    const applied = await rig.kubectl(['apply', '--dry-run=server', '--filename', '-'], { input: stdout });
    expect(applied.stdout).toContain('serviceaccount/ci');
    expect(applied.stdout).toContain('role.rbac.authorization.k8s.io/rollback-deploy-auto');
  });
});
