import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { emptyEvidence } from '../../../model/histogram.ts';
import type { ServiceEvidence } from '../../../model/release.ts';
import type { PlatformStateFile } from './platform-state.ts';
import type { ProxyClient } from './proxy-api.ts';

const TICK_MS = 1_000;
const FLUSH_EVERY_TICKS = 5;

/** What was seen of each release while it served. Requests are the proxy's own counts, the rest is counted here. */
export interface Evidence {
  probed(release: string, passed: boolean): void;
  /** @param ms from spawning the process until it was healthy */
  started(release: string, ms: number): void;
  crashed(release: string): void;
  /** Up to the last `flush`, but for the counts made here. */
  of(release: string): ServiceEvidence;
  /** Takes the proxy's counts over, where it answers, and writes all to disk. */
  flush(): Promise<void>;
  forget(release: string): void;
  close(): void;
}

export async function openEvidence(
  dir: string,
  state: PlatformStateFile,
  proxy: ProxyClient,
  log: (line: string) => void,
): Promise<Evidence> {
  const path = join(dir, 'evidence.json');
  const all = new Map(Object.entries(await read(path)));
  const of = (release: string) => {
    const known = all.get(release) ?? emptyEvidence();
    all.set(release, known);
    return known;
  };
  let writing: Promise<void> = Promise.resolve();
  let ticks = 0;
  let tickedAt = performance.now();
  const timer = setInterval(tick, TICK_MS);

  function tick(): void {
    const now = performance.now();
    // A machine that slept did not serve meanwhile.
    const passed = Math.min(now - tickedAt, 5 * TICK_MS);
    tickedAt = now;
    const serving = state.value.instances.filter((one) => one.inRotation && one.state === 'ready');
    for (const release of new Set(serving.map((one) => one.release)))
      of(release).servedMs += Math.round(passed);
    ticks++;
    if (ticks % FLUSH_EVERY_TICKS === 0) {
      flush().catch((error: Error) => log(`cannot keep the evidence: ${error.message}`));
    }
  }

  async function flush(): Promise<void> {
    try {
      for (const [release, { requests, errors, latency }] of Object.entries(await proxy.totals())) {
        if (state.value.releases.includes(release)) Object.assign(of(release), { requests, errors, latency });
      }
    } catch (error) {
      // The proxy keeps its counts; they are taken over once it runs again.
      log(`the proxy's counts are not to be had: ${(error as Error).message}`);
    }
    const text = `${JSON.stringify(Object.fromEntries(all))}\n`;
    writing = writing.catch(() => {}).then(() => writeFileAtomic(path, text, { mode: 0o600 }));
    await writing;
  }

  return {
    probed(release, passed) {
      if (passed) of(release).probesPassed++;
      else of(release).probesFailed++;
    },
    started(release, ms) {
      const known = of(release);
      known.startMs = Math.max(known.startMs ?? 0, Math.round(ms));
    },
    crashed(release) {
      of(release).crashes++;
    },
    of: (release) => structuredClone(of(release)),
    flush,
    forget: (release) => void all.delete(release),
    close: () => clearInterval(timer),
  };
}

async function read(path: string): Promise<Record<string, ServiceEvidence>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, ServiceEvidence>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
