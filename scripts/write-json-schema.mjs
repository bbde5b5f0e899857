// Writes schema/rollback.schema.json from the schema that reads rollback.yaml: node scripts/write-json-schema.mjs
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'tsdown';

const root = fileURLToPath(new URL('..', import.meta.url));
const outDir = await mkdtemp(join(tmpdir(), 'rollback-schema-'));
try {
  await build({
    config: false,
    cwd: root,
    entry: { schema: 'src/config/json-schema.ts' },
    outDir,
    format: 'esm',
    platform: 'node',
    dts: false,
    logLevel: 'warn',
  });
  const { configurationJsonSchema } = await import(pathToFileURL(join(outDir, 'schema.mjs')).href);
  await mkdir(join(root, 'schema'), { recursive: true });
  await writeFile(
    join(root, 'schema/rollback.schema.json'),
    `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`,
  );
} finally {
  await rm(outDir, { recursive: true, force: true });
}
