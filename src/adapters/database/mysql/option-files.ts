import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EXIT, RollbackError } from '../../../model/error.ts';
import type { ServerAddress } from '../server-address.ts';

/** Later ones override earlier ones, as the clients of MariaDB and MySQL have it. */
const GROUPS = ['client', 'client-server', 'client-mariadb'];

/**
 * The address with the password, and the user, taken from the option files (`~/.my.cnf`) where no password is
 * configured, as the clients of the server do. The program that comes with those clients reads them; where it is not
 * installed, nothing is taken.
 * @throws RollbackError `OPTION_FILE_INVALID` (exit 2)
 */
export async function withOptionFiles(address: ServerAddress): Promise<ServerAddress> {
  if (address.password !== undefined) return address;
  const { user, password } = await readOptions();
  return { ...address, user: address.user ?? user, password };
}

async function readOptions(): Promise<Record<string, string | undefined>> {
  // MySQL's hides passwords without --show, which MariaDB's does not know.
  const lines = (await printed(['--show', ...GROUPS])) ?? (await printed(GROUPS)) ?? '';
  return Object.fromEntries(
    [...lines.matchAll(/^--([\w-]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
}

/** undefined where the program is not there, or does not know an option. */
async function printed(args: string[]): Promise<string | undefined> {
  try {
    return (await promisify(execFile)('my_print_defaults', args)).stdout;
  } catch (error) {
    const { code, stderr = '' } = error as { code?: string | number; stderr?: string };
    if (code === 'ENOENT' || stderr.includes('unknown option')) return undefined;
    throw new RollbackError({
      code: 'OPTION_FILE_INVALID',
      summary: 'The option files of MySQL can not be read',
      detail: `my_print_defaults exited with ${code}: ${stderr.trim().split('\n')[0]}.`,
      fix: 'Correct ~/.my.cnf, or name the password in rollback.yaml: password: { env: VARIABLE }.',
      exit: EXIT.usage,
      cause: error,
    });
  }
}
