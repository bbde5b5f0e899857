import { join } from 'node:path';

/** The supervisor's own state of one service: `<state>/local/<service>`. */
export function serviceFolder(stateDir: string, service: string): string {
  return join(stateDir, 'local', service);
}
