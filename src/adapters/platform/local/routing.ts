import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import writeFileAtomic from 'write-file-atomic';
import { RollbackError } from '../../../model/error.ts';
import type { PlatformStateFile } from './platform-state.ts';
import type { Backend, ProxyClient, Routes } from './proxy-api.ts';

/** How long a change waits for a proxy that is being started again, ms. */
const ACKNOWLEDGE_MS = 5_000;
const AGAIN_MS = 50;

/** Keeps the proxy's routes as the state of the platform says. */
export interface Routing {
  /**
   * Resolves once the proxy has acknowledged routes that are at least as new as the state at the time of the call.
   * @throws RollbackError `PROXY_UNREACHABLE` (retriable); the routes are on disk then, and hold once a proxy runs
   */
  sync(): Promise<void>;
  /** Version of the routes on disk. */
  version(): number;
}

export async function openRouting(
  dir: string,
  state: PlatformStateFile,
  proxy: ProxyClient,
): Promise<Routing> {
  const path = join(dir, 'routes.json');
  let routes = await read(path);
  let last: Promise<void> = Promise.resolve();
  // A proxy does not start without it.
  if (routes === undefined) await write({ version: 1, backends: backendsOf(state) });

  async function push(): Promise<void> {
    const backends = backendsOf(state);
    if (!isDeepStrictEqual(backends, routes?.backends)) {
      await write({ version: (routes?.version ?? 0) + 1, backends });
    }
    const until = performance.now() + ACKNOWLEDGE_MS;
    for (;;) {
      try {
        await proxy.putRoutes(routes as Routes);
        return;
      } catch (error) {
        if (error instanceof RollbackError && error.code === 'ROUTES_STALE') {
          // routes.json was lost or put back from a copy: go on above what the proxy has.
          await write({ version: (await proxy.state()).version + 1, backends });
        } else if (!(error instanceof RollbackError) || !error.retriable || performance.now() > until) {
          throw error;
        }
        await wait(AGAIN_MS);
      }
    }
  }

  async function write(next: Routes): Promise<void> {
    await writeFileAtomic(path, `${JSON.stringify(next)}\n`, { mode: 0o600 });
    routes = next;
  }

  return {
    sync() {
      const done = last.then(push);
      last = done.catch(() => {});
      return done;
    },
    version: () => routes?.version ?? 0,
  };
}

function backendsOf(state: PlatformStateFile): Backend[] {
  return state.value.instances
    .filter(({ port }) => port > 0)
    .map(({ id, release, port, inRotation, state: doing }) => {
      return { id, release, port, inRotation, ready: doing === 'ready' };
    });
}

async function read(path: string): Promise<Routes | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Routes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
