#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { printError } from './cli/print-error.ts';
import { createProgram } from './cli/program.ts';

// A reader that goes away (`| head`, a closed terminal) must not end a run in its middle.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

const argv = process.argv.slice(2);
try {
  await createProgram(async (invocation) => {
    if (invocation.command === 'version') {
      process.stdout.write(`${ownVersion()}\n`);
      return;
    }
    const { runInvocation } = await import('./cli/run-invocation.ts');
    process.exitCode = await runInvocation(invocation, argv);
  }).parseAsync(process.argv);
} catch (error) {
  // Thrown with exit code 0 after help has been printed.
  if (!(error instanceof CommanderError)) process.exitCode = report(error);
}
// Open connections and timers of adapters must not keep a finished command alive.
await Promise.all([process.stdout, process.stderr].map(flushed));
process.exit();

function report(error: unknown) {
  const output = /(^| )--output[= ]json( |$)/.test(argv.join(' ')) ? 'json' : 'text';
  return printError(error, {
    stdout: process.stdout,
    stderr: process.stderr,
    output,
    debug: process.env.DEBUG === '1',
  });
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
