import { parseArgs } from 'node:util';
import { startProxy } from './proxy-start.ts';

const { values } = parseArgs({ options: { dir: { type: 'string' } } });
if (!values.dir) {
  process.stderr.write('usage: local-proxy --dir DIR\n');
  process.exit(2);
}

try {
  const proxy = await startProxy(values.dir, log);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void proxy.stop(10_000));
  await proxy.stopped;
  process.exit(0);
} catch (error) {
  log(`cannot serve: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} proxy ${process.pid}: ${line}\n`);
}
