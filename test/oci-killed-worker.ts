import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

// Unpacks an image, and is killed with SIGKILL at the moment that is asked for.
const [layout, digest, into, moment] = process.argv.slice(2) as [string, string, string, string];
const { chmod, rename } = fs;
const die = () => process.kill(process.pid, 'SIGKILL');
let folders = 0;
fs.chmod = async (...args) => {
  if (moment === 'half way' && ++folders === 5) die();
  return chmod(...args);
};
fs.rename = async (...args) => {
  if (moment === 'before the rename') die();
  await rename(...args);
  if (moment === 'after the rename') die();
};
syncBuiltinESMExports();

const { openLayout } = await import('../src/oci/image-layout.ts');
const { unpackImage } = await import('../src/oci/unpack-image.ts');
await unpackImage(await openLayout(layout), digest, into, new AbortController().signal);
