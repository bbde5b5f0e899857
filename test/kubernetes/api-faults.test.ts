import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { type Asked, type FaultFront, type FrontFault, faultFront } from './fault-front.ts';
import { expectServing, takeBefore } from './good-end.ts';
import type { Load } from './load.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

if (!hasCluster) console.warn('SKIPPED: faults of the API server. Set KUBECONFIG and REGISTRY to run it.');

const TARGET = 'v2.14.3';

interface Row {
  name: string;
  fault(asked: Asked, n: number): FrontFault | undefined;
}

const isWrite = ({ method }: Asked) => method !== 'GET';

/** Every so many requests meet one, from the first move on until the end. */
const ROWS: Row[] = [
  { name: '429 to every third request', fault: (_, n) => (n % 3 === 0 ? { answer: 429 } : undefined) },
  {
    name: '409 to every third write',
    fault: (asked, n) => (isWrite(asked) && n % 3 === 0 ? { answer: 409 } : undefined),
  },
  { name: '500 to every fourth request', fault: (_, n) => (n % 4 === 0 ? { answer: 500 } : undefined) },
  {
    name: '500 to every fourth write that was carried out',
    fault: (asked, n) => (isWrite(asked) && n % 4 === 0 ? { answer: 500, carriedOut: true } : undefined),
  },
  { name: 'every fifth answer takes 3 s', fault: (_, n) => (n % 5 === 0 ? { slowMs: 3_000 } : undefined) },
  { name: 'every fourth connection is cut', fault: (_, n) => (n % 4 === 0 ? { cut: true } : undefined) },
  {
    name: 'every watch expires after a second',
    fault: ({ isWatch }) => (isWatch ? { expireAfterMs: 1_000 } : undefined),
  },
];

describe.skipIf(!hasCluster)(
  'faults in front of the real API server, in the middle of a rolling run',
  { timeout: 180_000 },
  () => {
    let rig: KubernetesRig;
    let load: Load;
    let front: FaultFront | undefined;
    const folders: string[] = [];
    afterEach(async () => {
      await load?.stop();
      await front?.close();
      await rig?.dispose();
      for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
    });

    /** Goes on or stops safely: what it stopped is resumed without faults, and nobody who sent a request noticed. */
    async function expectSafe(disturb: () => unknown, user?: object): Promise<void> {
      rig = await kubernetesRig();
      front = await faultFront(rig.namespace, user);
      // A watch that begins before the first move would outlast the whole run.
      front.fault = ({ isWatch }) => (isWatch ? { expireAfterMs: 3_000 } : undefined);
      const before = await takeBefore(rig, TARGET);
      load = await rig.load({ rate: 150 });
      const client = await rig.startRda(
        [rig.target, '--version', TARGET, '--strategy', 'rolling', '--yes', '--monitor', '0'],
        { env: { KUBECONFIG: front.kubeconfig } },
      );
      await until(
        () => client.child.exitCode !== null || /hold-traffic:\S+ (started|done)/.test(client.stderr()),
      );
      front.met = 0;
      front.fault = () => undefined;
      await disturb();
      const ended = await client.ended;
      front.fault = () => undefined;
      expect(front.met).toBeGreaterThan(0);
      expect([0, 3], `${ended.stdout}\n${ended.stderr}`).toContain(ended.exit);
      if (ended.exit === 3) {
        expect(ended.stdout + ended.stderr).toContain('rollback-deploy-auto resume');
        const second = await rig.rda(['resume', '--namespace', rig.namespace, '--yes']);
        expect([second.exit, second.stderr]).toEqual([0, expect.any(String)]);
      }
      await expectServing(rig, TARGET, before);
      const { failed, reasons } = await load.stop();
      expect({ failed, reasons }).toEqual({ failed: 0, reasons: {} });
    }

    for (const { name, fault } of ROWS) {
      it(name, async () => {
        let n = 0;
        await expectSafe(() => {
          (front as FaultFront).fault = (asked) => fault(asked, ++n);
        });
      });
    }

    it('nobody answers for 5 s (played in front of it: a restart of the real one would meet others)', async () => {
      await expectSafe(() => front?.awayFor(5_000));
    });

    it('a login is refused for 2 s and then accepted again', async () => {
      await expectSafe(async () => {
        const over = Date.now() + 2_000;
        (front as FaultFront).fault = () => (Date.now() < over ? { answer: 401 } : undefined);
        await wait(2_000);
      });
    });

    it('tokens of an exec plugin expire every 4 s', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'rda-login-'));
      folders.push(folder);
      const issued = join(folder, 'issued');
      await writeFile(issued, '');
      const plugin = join(folder, 'plugin.mjs');
      await writeFile(plugin, pluginScript(issued));
      await chmod(plugin, 0o700);
      const exec = {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: process.execPath,
        args: [plugin],
        interactiveMode: 'Never',
      };
      await expectSafe(
        async () => {
          (front as FaultFront).fault = ({ token }) =>
            Number(token) > Date.now() ? undefined : { answer: 401 };
          // One that is asked for now has nothing to do with the run's own.
          await until(async () => (await readFile(issued, 'utf8')).split('\n').length > 3);
          (front as FaultFront).met++;
        },
        { exec },
      );
    });
  },
);

/** The token is the time at which it expires, ms since 1970. */
function pluginScript(issued: string): string {
  return `
import { appendFileSync } from 'node:fs';
const until = Date.now() + 4_000;
appendFileSync(${JSON.stringify(issued)}, until + '\\n');
const status = { token: String(until), expirationTimestamp: new Date(until).toISOString() };
console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }));
`;
}
