// Preload that writes down the arguments of every process that its own starts, however short it lives:
//
//   ARGUMENTS_FILE=/tmp/arguments NODE_OPTIONS='--import .../record-arguments.mjs' node dist/cli.js ...
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';

const file = process.env.ARGUMENTS_FILE;
if (file === undefined) throw new Error('ARGUMENTS_FILE is not set');
subscribe('child_process', ({ process: child }) => {
  child.once('spawn', () => appendFileSync(file, `${JSON.stringify(child.spawnargs)}\n`));
});
