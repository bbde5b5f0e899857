import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freePort } from './free-port.ts';
import type { InstanceRecord } from './platform-state.ts';
import type { ReleaseRecord } from './release-files.ts';
import { commandOf, makeRootfs, type Rootfs, readRootfs } from './rootfs.ts';
import { resolveSecrets } from './secrets.ts';
import { refuse, type Site } from './site.ts';
import { type RunningProcess, spawnProcess } from './spawn-process.ts';
import { instanceLog } from './start-failure.ts';

/** Of the supervisor's own environment, instances get these only. */
const INHERITED = ['PATH', 'HOME', 'TZ', 'LANG'];

/** Starts processes of releases. */
export interface Launcher {
  /**
   * Spawns the process of an instance whose record is in the state already. Its port, and then its pid, are in the
   * state before this resolves.
   * @throws RollbackError `RELEASE_UNKNOWN`, `SECRET_MISSING` and those of rootfs.ts
   */
  launch(id: string): Promise<RunningProcess>;
  /** Values of secrets to use from now on for a release, before those of the environment. Kept in memory only. */
  giveSecrets(release: string, values: Record<string, string>): void;
  /** The release has no instance any more: its next one is unpacked anew. */
  forget(release: string): void;
}

export function createLauncher(site: Site): Launcher {
  const { dir, state, releases } = site;
  const unpacked = new Map<string, Promise<Rootfs>>();
  const given = new Map<string, Record<string, string>>();
  let choosing: Promise<unknown> = Promise.resolve();

  function rootfsOf(release: ReleaseRecord, used: boolean): Promise<Rootfs> {
    const known = unpacked.get(release.id);
    if (known) return known;
    const making = (async () => {
      // What instances of it run in, or ran in until they crashed, is left as it is.
      const left = used ? await readRootfs(dir, release.id) : undefined;
      return left ?? makeRootfs(dir, release, site.unpack, new AbortController().signal);
    })();
    unpacked.set(release.id, making);
    making.catch(() => unpacked.delete(release.id));
    return making;
  }

  /** One after the other, so that no two instances are given the same port. */
  function choosePort(id: string, pidFile: string): Promise<number> {
    const chosen = choosing.then(async () => {
      const taken = state.value.instances.filter((one) => one.id !== id).map((one) => one.port);
      const port = await freePort(new Set(taken));
      await state.updateInstance(id, (draft) => Object.assign(draft, { port, pidFile }));
      return port;
    });
    choosing = chosen.catch(() => {});
    return chosen;
  }

  return {
    async launch(id) {
      const record = state.instance(id) as InstanceRecord;
      if (!state.value.releases.includes(record.release)) {
        throw refuse('RELEASE_UNKNOWN', `There is no release ${record.release}`);
      }
      const release = await releases.read(record.release);
      const others = state.value.instances.some((one) => one.release === record.release && one.pid);
      const rootfs = await rootfsOf(release, others || record.wasHealthy);
      const { argv, cwd } = commandOf(rootfs, release);
      const { secrets, environment } = release.configuration;
      const { configFolder } = site.service;
      const values = await resolveSecrets(secrets, given.get(release.id) ?? {}, configFolder, process.env);
      const pidFile = join(dir, 'starting', `${id}-${randomBytes(4).toString('hex')}`, 'pid');
      const port = await choosePort(id, pidFile);
      const env = {
        ...inherited(),
        ...imageEnvironment(rootfs.config.Env ?? []),
        ...environment,
        ...values,
        PORT: String(port),
        INSTANCE: id,
        RELEASE_VERSION: release.version,
      };
      const running = await spawnProcess({ argv, cwd, env, pidFile, logPath: instanceLog(dir, id) });
      await state.updateInstance(id, (draft) => {
        draft.pid = running.pid;
        draft.processStart = running.processStart;
        delete draft.pidFile;
      });
      await rm(dirname(pidFile), { recursive: true, force: true });
      return running;
    },
    giveSecrets: (release, values) => void given.set(release, { ...given.get(release), ...values }),
    forget: (release) => void unpacked.delete(release),
  };
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    INHERITED.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
}

function imageEnvironment(lines: string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const equals = line.indexOf('=');
      return equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}
