import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startLoad } from '../examples/load/load.mjs';
import type { SupervisorClient } from '../src/adapters/platform/local/supervisor-client.ts';
import { supervisorClient } from '../src/adapters/platform/local/supervisor-client.ts';
import type { CommandContext } from '../src/commands/context.ts';
import { type LocalDeployOptions, localDeploy } from '../src/commands/local-deploy.ts';
import { localStart } from '../src/commands/local-start.ts';
import { localStop } from '../src/commands/local-stop.ts';
import { openContext } from '../src/commands/open-context.ts';
import { systemClock } from '../src/commands/system-clock.ts';
import type { StepContext } from '../src/engine/step.ts';
import type { Move, MoveKind } from '../src/model/move.ts';
import { freePort } from './free-port.ts';

/** What a version of the test application does. */
export type Behaviour = 'good' | 'crash' | 'sick' | 'crash-in-slot-2';

export interface LocalRig {
  folder: string;
  /** The supervisor's folder. */
  dir: string;
  port: number;
  client: SupervisorClient;
  context(environment?: string): Promise<CommandContext>;
  start(): ReturnType<typeof localStart>;
  stop(): ReturnType<typeof localStop>;
  deploy(
    version: string,
    behaviour?: Behaviour,
    more?: Partial<LocalDeployOptions>,
  ): ReturnType<typeof localDeploy>;
  /** Expands the move and carries its steps out, as the engine would. */
  move(move: MoveKind, epoch: number): Promise<unknown[]>;
  load(rate?: number): ReturnType<typeof startLoad>;
  get(path: string): Promise<{ status: number; text: string }>;
  /** Notices told so far. */
  told: string[];
  close(): Promise<void>;
}

/** A folder with a configuration and nothing started. */
export async function localRig(
  options: { name?: string; instances?: number; configuration?: string } = {},
): Promise<LocalRig> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), options.name ?? 'rda-local-')));
  const port = await freePort();
  const dir = join(folder, '.rollback', 'local', 'shop');
  await writeFile(
    join(folder, 'rollback.yaml'),
    yaml(port, options.instances ?? 3, options.configuration ?? ''),
  );
  const told: string[] = [];
  const never = new AbortController().signal;
  const context = () =>
    openContext({
      cwd: folder,
      config: undefined,
      service: undefined,
      emit: (event) => event.type === 'notice' && told.push(event.message),
      stop: { requested: never, immediate: never },
      consent: async () => ({ given: true, reason: undefined }),
      renderRecord: () => '',
    });
  const rig: LocalRig = {
    folder,
    dir,
    port,
    told,
    client: supervisorClient(dir),
    context,
    start: async () => localStart(await context()),
    stop: async () => localStop(await context()),
    async deploy(version, behaviour = 'good', more = {}) {
      const from = join(folder, `app-${version}`);
      await mkdir(from, { recursive: true });
      await writeFile(join(from, 'server.mjs'), APPLICATION);
      await writeFile(join(from, 'behaviour.txt'), `${behaviour} ${version}`);
      const entrypoint = ['node', 'server.mjs'];
      return localDeploy(await context(), { tag: version, from, entrypoint, ...more });
    },
    async move(kind, epoch) {
      const { adapters } = await context();
      const facts = await adapters.platform.facts(never);
      const steps = adapters.platform.steps();
      const outputs: unknown[] = [];
      const plan = adapters.platform.expand({ id: 'm', after: [], ...kind } as Move, facts);
      for (const planned of plan) {
        const step = steps[planned.kind];
        if (!step) throw new Error(`There is no step ${planned.kind}.`);
        const seen = await step.observe(planned.input as never, stepContext(epoch));
        if (seen.state === 'conflict' || seen.state === 'unknown') throw new Error(seen.why);
        outputs.push(
          seen.state === 'done' ? seen.output : await step.apply(planned.input as never, stepContext(epoch)),
        );
        const after = await step.observe(planned.input as never, stepContext(epoch));
        if (after.state !== 'done') throw new Error(`${planned.id} is ${after.state} once it was applied.`);
      }
      return outputs;
    },
    load: (rate = 100) => startLoad({ url: `http://127.0.0.1:${port}`, rate, healthPath: '/', seconds: 120 }),
    async get(path) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, text: await response.text() };
    },
    async close() {
      await rig.stop();
      const left = await processesBelow(dir);
      await rm(folder, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`Left running: ${left.join(', ')}`);
    },
  };
  return rig;
}

export function stepContext(epoch: number): StepContext {
  return {
    runId: 'r-test',
    epoch,
    outputs: new Map(),
    clock: systemClock,
    movedAtMs: undefined,
    signal: new AbortController().signal,
    progress: () => {},
  };
}

/** Polls until it holds; the test's own time limit ends it. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await wait(20);
}

/** Command lines of processes that were started for the folder. Linux only. */
export async function processesBelow(dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const [line, environment] = await Promise.all(
      ['cmdline', 'environ', 'stat']
        .slice(0, 2)
        .map((file) => readFile(join('/proc', pid, file), 'utf8').catch(() => '')),
    );
    const cwd = await realpath(join('/proc', pid, 'cwd')).catch(() => '');
    if (line?.includes(dir) || cwd.startsWith(dir) || environment?.includes(dir))
      found.push(`${pid} ${line?.replaceAll('\0', ' ')}`);
  }
  return found;
}

function yaml(port: number, instances: number, configuration: string): string {
  return `services:
  shop:
    platform: { kind: local, instances: ${instances}, port: ${port}, startTimeout: 8, drainTimeout: 3, stopTimeout: 2 }
    registry: { kind: oci-layout, path: images }
${configuration}`;
}

// Ends at once on SIGTERM, so that whatever was not drained before is seen as a failed request.
const APPLICATION = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { PORT, INSTANCE, RELEASE_VERSION } = process.env;
const [behaviour] = readFileSync('behaviour.txt', 'utf8').split(' ');
if (behaviour === 'crash' || behaviour === 'crash-in-slot-' + INSTANCE.split('-').at(-1)) {
  console.error('reading the settings');
  console.error('Cannot find table "sessions"');
  process.exit(7);
}
createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  response.setHeader('x-version', RELEASE_VERSION);
  if (url.pathname === '/healthz') response.statusCode = behaviour === 'sick' ? 503 : 200;
  if (url.pathname === '/file') return response.end(readFileSync('config/app.json'));
  if (url.pathname === '/env') return response.end(process.env[url.searchParams.get('name')] ?? '');
  setTimeout(() => response.end(RELEASE_VERSION + ' ' + INSTANCE), Number(url.searchParams.get('ms') ?? 5));
}).listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;
