import { hostname, userInfo } from 'node:os';
import { processStart } from './adapters/process-identity.ts';
import type { Holder } from './model/journal.ts';

/** This process, as it signs for a lease. */
export function thisHolder(): Holder {
  const start = processStart(process.pid);
  if (start === undefined) throw new Error('The system does not tell when this process started.');
  return { host: hostname(), user: userName(), pid: process.pid, processStart: start };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user id may have no name.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
