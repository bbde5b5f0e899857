import type { Command } from 'commander';
import { PROGRAM, usageError } from './usage.ts';

/** Name of the operand that says which workload is meant. */
export const WORKLOAD = 'WORKLOAD';

/** Commands that work on a run, which they may find by itself. */
export const OF_RUN = ['resume', 'abort', 'show', 'monitor'];

const ON_A_WORKLOAD = [
  'rollback',
  'plan',
  'check',
  'releases',
  'status',
  'resume',
  'abort',
  'history',
  'show',
  'monitor',
  'snapshot',
  'doctor',
];

/** Whether `KIND/NAME` may follow the command. */
export function acceptsWorkload(command: string): boolean {
  return ON_A_WORKLOAD.includes(command);
}

/** What follows a command beside the workload: nothing, or a run. @throws RollbackError `USAGE` */
export function checkOperands(command: Command, name: string, rest: string[]): void {
  if (!acceptsWorkload(name)) return;
  const help = `See: ${PROGRAM}${command.parent ? ` ${name}` : ''} --help`;
  const takesRun = OF_RUN.includes(name);
  if (['show', 'monitor'].includes(name) && rest.length === 0) {
    const described = command.registeredArguments.find((one) => one.name() === 'RUN')?.description;
    throw usageError(`${name} needs RUN`, `RUN is the ${described}.`, help);
  }
  if (rest.length <= (takesRun ? 1 : 0)) return;
  const takes = takesRun ? 'one run, and a workload as KIND/NAME' : 'no operand but a workload as KIND/NAME';
  throw usageError(`${name} takes ${takes}`, `It was given: ${rest.join(', ')}.`, help);
}
