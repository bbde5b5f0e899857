import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';

/** What became of the requests of an instance that was taken out of rotation. */
export interface DrainRecord {
  /** ms since the epoch. */
  sinceMs: number;
  /** Requests and upgraded connections in flight when the proxy had acknowledged it. */
  inFlightAtStart: number;
  maxInFlight: number;
  /** How long it took until none was in flight, ms; undefined while there are some. */
  drainedMs?: number;
}

/** Why a process ended that was not asked to. */
export interface CrashRecord {
  /** Exit code; undefined where a signal ended it, or where it is not known (an adopted process). */
  code?: number;
  signal?: string;
  /** ISO 8601. */
  at: string;
  /** Why it could not even be started. */
  why?: string;
}

/** One instance as the supervisor remembers it. */
export interface InstanceRecord {
  /** `<service>-<release>-<slot>`. */
  id: string;
  slot: number;
  /** Release id. */
  release: string;
  port: number;
  /** undefined before it was spawned, and after it ended. */
  pid?: number;
  processStart?: string;
  /** Where the process being spawned notes its pid; set before it is spawned, gone once the pid is known. */
  pidFile?: string;
  /** `stopping`: asked to end. */
  state: 'starting' | 'ready' | 'unready' | 'crashed' | 'stopping';
  /** Whether it was healthy since it was last asked to start; only then is it started again when it crashes. */
  wasHealthy: boolean;
  /** Whether it shall get requests. */
  inRotation: boolean;
  /** Set once it was taken out of rotation. */
  drain?: DrainRecord;
  /** ms since the epoch; the supervisor stops it then. */
  warmUntilMs?: number;
  /** Times it was started again after a crash. */
  restarts: number;
  crash?: CrashRecord;
}

/** A run's monitor that is kept running. */
export interface MonitorRecord {
  runId: string;
  /** Absolute path of the configuration. */
  configPath: string;
  pid?: number;
  processStart?: string;
}

/** `<DIR>/platform.json`. Releases are files of their own; see release-files.ts. */
export interface PlatformState {
  format: 1;
  /** Highest epoch that a changing call came with. */
  epoch: number;
  current?: string;
  canary?: string;
  /** Ids, oldest first. */
  releases: string[];
  /** Number of the last release that was ever registered; ids are not used again. */
  lastRelease: number;
  instances: InstanceRecord[];
  monitors: MonitorRecord[];
}

export interface PlatformStateFile {
  /** As it is on disk. Not to be changed in place. */
  readonly value: PlatformState;
  instance(id: string): InstanceRecord | undefined;
  /** Changes a copy, writes it durably, and only then puts it in force. One after the other. */
  update(change: (draft: PlatformState) => void): Promise<void>;
  /** The same for one instance; nothing happens where there is none of that id. */
  updateInstance(id: string, change: (draft: InstanceRecord) => void): Promise<void>;
}

/** Reads `<DIR>/platform.json`, or begins with nothing. @throws Error where it is damaged or of an unknown format */
export async function openPlatformState(dir: string): Promise<PlatformStateFile> {
  const path = join(dir, 'platform.json');
  let value = await read(path);
  let last: Promise<unknown> = Promise.resolve();

  function update(change: (draft: PlatformState) => void): Promise<void> {
    const done = last.then(async () => {
      const draft = structuredClone(value);
      change(draft);
      await writeFileAtomic(path, `${JSON.stringify(draft, null, 2)}\n`, { mode: 0o600 });
      value = draft;
    });
    last = done.catch(() => {});
    return done;
  }

  return {
    get value() {
      return value;
    },
    instance: (id) => value.instances.find((instance) => instance.id === id),
    update,
    updateInstance: (id, change) =>
      update((draft) => {
        const found = draft.instances.find((instance) => instance.id === id);
        if (found) change(found);
      }),
  };
}

async function read(path: string): Promise<PlatformState> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { format: 1, epoch: 0, releases: [], lastRelease: 0, instances: [], monitors: [] };
  }
  const state = JSON.parse(text) as PlatformState;
  if (state.format !== 1) throw new Error(`${path} has format ${state.format}; this version reads format 1.`);
  return state;
}
