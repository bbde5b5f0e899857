import { symlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { build } from 'tsdown';

/**
 * Makes a script for `node` of a TypeScript file, as the product itself is made.
 * @param into An existing folder.
 * @returns Its path.
 */
export async function bundle(entry: string, into: string): Promise<string> {
  await build({
    config: false,
    entry: [entry],
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outDir: join(into, 'bundle'),
    fixedExtension: false,
    outExtensions: () => ({ js: '.mjs' }),
    dts: false,
    clean: false,
    logLevel: 'silent',
  });
  await symlink(resolve('node_modules'), join(into, 'node_modules')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return join(into, 'bundle', basename(entry).replace(/\.ts$/, '.mjs'));
}
