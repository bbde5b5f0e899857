import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Holder } from '../model/journal.ts';

/**
 * What is known of the process that holds a lease. `elsewhere`: on another host, in another process namespace or from
 * before the last boot, so that it can't be looked up from here.
 */
export type HolderState = 'alive' | 'gone' | 'elsewhere';

/**
 * When the process started, in the system's own words; undefined where it does not exist or is a zombie.
 *
 * On Linux field 22 of `/proc/PID/stat` (proc(5): clock ticks since boot) with boot and process namespace, because
 * the same number means another process after a reboot and in another container: `218479@f56164db/4026531836`.
 * Elsewhere what `ps -o lstart=` prints.
 */
export function processStart(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
}

/** Where process ids mean the same processes: host, boot and process namespace. */
export function processPlace(): string {
  return `${hostname()}${ownPlace()}`;
}

/** Whether the holder's process still runs, as far as that can be known from this process. */
export function holderState(holder: Holder): HolderState {
  if (`${holder.host}${placeOf(holder.processStart)}` !== processPlace()) return 'elsewhere';
  return processStart(holder.pid) === holder.processStart ? 'alive' : 'gone';
}

function linuxStart(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it ended between opening and reading.
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  // The name in field 2 may hold blanks and brackets; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  return state === 'Z' || state === 'X' ? undefined : `${ticks}${ownPlace()}`;
}

function psStart(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    }).trim();
    const [state = '', ...start] = line.split(/\s+/);
    return line === '' || state.startsWith('Z') ? undefined : start.join(' ');
  } catch (error) {
    // ps exits 1 where there is no such process.
    if ((error as { status?: number }).status === 1) return undefined;
    throw error;
  }
}

let place: string | undefined;

/** Boot and process namespace; empty where the system tells neither. */
function ownPlace(): string {
  if (process.platform !== 'linux') return '';
  if (place === undefined) {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    place = `@${boot}/${namespace}`;
  }
  return place;
}

function placeOf(start: string): string {
  const at = start.indexOf('@');
  return at === -1 ? '' : start.slice(at);
}
