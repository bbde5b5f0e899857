import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/**
 * Reads the arguments of every process of this machine, over and over, until `stop`.
 * @returns every different command line that was seen, its arguments parted by spaces
 */
export function watchArguments(): { stop(): Promise<string[]> } {
  const seen = new Set<string>();
  let over = false;
  const watching = (async () => {
    while (!over) {
      for (const pid of readdirSync('/proc')) if (/^\d+$/.test(pid)) seen.add(argumentsOf(pid));
      await setImmediate();
    }
  })();
  return {
    async stop() {
      over = true;
      await watching;
      return [...seen];
    },
  };
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It ended meanwhile.
    return '';
  }
}
