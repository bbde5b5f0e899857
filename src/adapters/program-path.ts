import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * One of the product's programs, absolute. All of them and their chunks lie in one folder; run from source, that is
 * the built `dist/`.
 */
export function programPath(name: 'cli' | 'local-supervisor' | 'local-proxy' | 'sqlite-thread'): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const beside = join(here, `${name}.js`);
  return existsSync(beside) ? beside : join(here, '../../dist', `${name}.js`);
}
