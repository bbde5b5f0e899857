import { join } from 'node:path';
import type { RollbackError } from '../../../model/error.ts';
import { logTail } from './log-tail.ts';
import type { InstanceRecord } from './platform-state.ts';
import { refuse, type Site } from './site.ts';
import type { ProcessEnd } from './spawn-process.ts';

/** Where an instance writes what it prints. */
export function instanceLog(dir: string, id: string): string {
  return join(dir, 'logs', `${id}.log`);
}

/** E.g. `exit code 7`. */
export function endWords({ code, signal }: ProcessEnd): string {
  if (signal) return `ended by ${signal}`;
  return code === undefined ? 'its exit code is not known' : `exit code ${code}`;
}

/** `INSTANCE_CRASHED`, with how it ended and what it printed last. */
export async function crashError(dir: string, record: InstanceRecord): Promise<RollbackError> {
  const { id, crash = { at: '' } } = record;
  const lines = await logTail(instanceLog(dir, id), 20);
  const why = crash.why ?? `It ended before it was healthy: ${endWords(crash)}.`;
  const said = lines.length > 0 ? `Its last lines:\n${lines.map((line) => `  ${line}`).join('\n')}` : '';
  return refuse('INSTANCE_CRASHED', `${id} crashed at start`, {
    detail: [why, said || 'It printed nothing.'].join('\n'),
    fix: `Look at ${instanceLog(dir, id)}.`,
  });
}

/** `INSTANCE_NOT_HEALTHY`, with what its health check said last. @param last what the last probe said */
export async function unhealthyError(
  { dir, service }: Site,
  record: InstanceRecord,
  last?: string,
): Promise<RollbackError> {
  const { health, startTimeoutMs } = service;
  const lines = await logTail(instanceLog(dir, record.id), 5);
  const said = lines.length > 0 ? `\nIts last lines:\n${lines.map((line) => `  ${line}`).join('\n')}` : '';
  return refuse('INSTANCE_NOT_HEALTHY', `${record.id} was not healthy within ${startTimeoutMs / 1000} s`, {
    detail: `The last answer of ${health.path} was: ${last ?? 'none'}; expected ${health.status}.${said}`,
    fix: `Look at ${instanceLog(dir, record.id)}.`,
  });
}
