import { runTool, ToolFailed } from '../../run-tool.ts';

/** Where it is told to look. */
export interface PgbackrestOptions {
  config?: string | undefined;
}

/** It could not be asked. */
export class PgbackrestFailed extends Error {
  readonly fix: string;
  constructor(why: string, fix: string, cause: unknown) {
    super(why, { cause });
    this.fix = fix;
  }
}

/**
 * What the program prints. It reads its repository only, which it must be able to do as this user.
 * @throws PgbackrestFailed, or the signal's reason
 */
export async function pgbackrest(
  { config }: PgbackrestOptions,
  args: string[],
  signal: AbortSignal,
): Promise<string> {
  const output: Buffer[] = [];
  const settings = [
    ...(config === undefined ? [] : [`--config=${config}`]),
    // Its log folder belongs to the server's user.
    ...['--log-level-file=off', '--log-level-console=off', '--log-level-stderr=error'],
  ];
  try {
    await runTool(
      { path: 'pgbackrest', args: [...args, ...settings], env: {} },
      {
        signal,
        async output(chunk) {
          output.push(chunk);
        },
      },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw asFailed(error);
  }
  return Buffer.concat(output).toString('utf8');
}

function asFailed(error: unknown): unknown {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    const fix = 'Install pgbackrest where this runs, with a configuration that names the repository.';
    return new PgbackrestFailed('The program pgbackrest was not found.', fix, error);
  }
  if (!(error instanceof ToolFailed)) return error;
  const why = `${error.message.replace(/\.$/, '')}.`;
  return new PgbackrestFailed(
    why,
    'Try it by hand as the same user: pgbackrest info. It must read its configuration and its repository.',
    error,
  );
}
