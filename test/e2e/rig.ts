import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startLoad } from '../../examples/load/load.mjs';
import { freePort } from '../free-port.ts';

const CLI = resolve('dist/cli.js');

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Rig {
  folder: string;
  port: number;
  url: string;
  /** Runs the built command line in the rig's folder, as a user would off a terminal. */
  run(
    args: string[],
    options?: {
      env?: Record<string, string>;
      hook?: boolean;
      onStart?: (pid: number) => void;
      /** Called with all that was printed so far, whenever more was. */
      onOutput?: (printed: string, pid: number) => void;
    },
  ): Promise<Ran>;
  /** The same, and throws with all that was printed where it does not exit 0. */
  ok(args: string[]): Promise<Ran>;
  /** Deploys a version of the test application that behaves so. */
  deploy(version: string, behaviour: string, more?: string[]): Promise<Ran>;
  /** How versions behave from now on, whatever they were deployed with; `{}` for as they were deployed. */
  control(behaviours: Record<string, string>): Promise<void>;
  /** Changes the configuration file's text. */
  configure(change: (text: string) => string): Promise<void>;
  /** What the platform says, as JSON. */
  status(): Promise<Status>;
  /** Waits until so many requests are recorded as evidence of the version. */
  waitForEvidence(version: string, requests: number): Promise<void>;
  load(rate?: number): ReturnType<typeof startLoad>;
  close(): Promise<void>;
}

export interface Status {
  current: { version: string };
  canary?: { version: string };
  instances: { slot: number; version: string; state: string; inRotation: boolean }[];
  traffic: { serving: { version: string; instances: number }[] };
  run?: { runId: string; state: string };
}

const HOOK = resolve('test/crash/kill-hook.mjs');

/** A folder with a configuration, a running local platform and nothing deployed. */
export async function createRig(
  options: { instances?: number; extra?: string; start?: boolean } = {},
): Promise<Rig> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'rollback-e2e-')));
  const port = await freePort();
  await writeFile(
    join(folder, 'rollback.yaml'),
    configuration(port, options.instances ?? 3, join(folder, 'control.json'), options.extra ?? ''),
  );
  const rig: Rig = {
    folder,
    port,
    url: `http://127.0.0.1:${port}`,
    run: (args, { env = {}, hook = false, onStart, onOutput } = {}) =>
      execute(folder, args, env, hook, onStart, onOutput),
    async ok(args) {
      const ran = await rig.run(args);
      if (ran.code !== 0)
        throw new Error(`${args.join(' ')} exited ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
      return ran;
    },
    async deploy(version, behaviour, more = []) {
      const from = join(folder, `app-${version}`);
      await cp('test/e2e/app', from, { recursive: true });
      // What the image holds must differ, or two versions would be one image.
      await writeFile(join(from, 'version.txt'), `${version} ${behaviour}`);
      await rig.configure((text) => text.replace(/BEHAVIOUR: .*/, `BEHAVIOUR: ${behaviour}`));
      return rig.run([
        'local',
        'deploy',
        version,
        '--from',
        from,
        '--entrypoint',
        'node server.mjs',
        ...more,
      ]);
    },
    async control(behaviours) {
      // Instances read it at any moment, so it must be whole at any moment.
      const fresh = join(folder, 'control.json.new');
      await writeFile(fresh, JSON.stringify(behaviours));
      await rename(fresh, join(folder, 'control.json'));
    },
    async configure(change) {
      const file = join(folder, 'rollback.yaml');
      await writeFile(file, change(await readFile(file, 'utf8')));
    },
    status: async () => JSON.parse((await rig.ok(['status', '--output', 'json'])).stdout),
    async waitForEvidence(version, requests) {
      for (;;) {
        const rows = JSON.parse((await rig.ok(['releases', '--output', 'json'])).stdout);
        const row = rows.find((one: { release: { version: string } }) => one.release.version === version);
        const seen = Number(/(\d+) requests/.exec([...row.for, ...row.against].join(' '))?.[1] ?? 0);
        if (seen >= requests) return;
      }
    },
    load: (rate = 100) => startLoad({ url: `http://127.0.0.1:${port}`, rate, healthPath: '/', seconds: 600 }),
    async close() {
      // The folder goes only once nothing runs in it any more.
      await rig.ok(['local', 'stop']);
      await rm(folder, { recursive: true, force: true });
    },
  };
  if (options.start !== false) await rig.ok(['local', 'start']);
  return rig;
}

/** Runs the command line and waits for its process alone, not for what it leaves running. */
function execute(
  cwd: string,
  args: string[],
  env: Record<string, string>,
  hook: boolean,
  onStart?: (pid: number) => void,
  onOutput?: (printed: string, pid: number) => void,
): Promise<Ran> {
  return new Promise((resolveRan, reject) => {
    const node = hook ? ['--import', HOOK, CLI] : [CLI];
    const child = spawn(process.execPath, [...node, ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    const heard = () => onOutput?.(`${stdout}${stderr}`, child.pid as number);
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      heard();
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      heard();
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      // What the platform's own processes keep open must not keep the test waiting.
      setImmediate(() => resolveRan({ code, signal, stdout, stderr }));
    });
    if (child.pid) onStart?.(child.pid);
  });
}

function configuration(port: number, instances: number, control: string, extra: string): string {
  return `services:
  shop:
    platform:
      kind: local
      instances: ${instances}
      port: ${port}
      startTimeout: 8
      drainTimeout: 10
      keepWarm: 2
    registry:
      kind: oci-layout
      path: images
    configuration:
      environment:
        BEHAVIOUR: good
        CONTROL: ${control}
    validation:
      minRequests: 20
      minSeconds: 0.3
      maxSeconds: 5
      latencyFloor: 2000
    good:
      minRequests: 20
    monitor:
      duration: 0
${extra}`;
}
