import { parseArgs } from 'node:util';
import { startSupervisor } from './supervisor-start.ts';

const { values } = parseArgs({ options: { dir: { type: 'string' } } });
if (!values.dir) {
  process.stderr.write('usage: local-supervisor --dir DIR\n');
  process.exit(2);
}

try {
  const supervisor = await startSupervisor(values.dir, [...process.execArgv, ...process.argv.slice(1)], log);
  if (supervisor === undefined) process.exit(0);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => supervisor.stop());
  await supervisor.stopped;
  process.exit(0);
} catch (error) {
  log(`cannot run: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} supervisor ${process.pid}: ${line}\n`);
}
