import { fileURLToPath } from 'node:url';
import { defineConfig } from 'tsdown';
import { thirdPartyNotices } from './scripts/third-party-notices.mjs';

/**
 * One small front door and lazily loaded chunks. Packages under `dependencies` (native or WASM) stay external; all
 * others are bundled, so that an installation is small and a cold start reads few files.
 */
export default defineConfig({
  entry: {
    cli: 'src/cli.ts',
    'local-supervisor': 'src/adapters/platform/local/supervisor.ts',
    'local-proxy': 'src/adapters/platform/local/proxy.ts',
    'sqlite-thread': 'src/adapters/database/sqlite/thread.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node20',
  outDir: 'dist',
  fixedExtension: false,
  dts: false,
  clean: true,
  sourcemap: false,
  // Bundled CommonJS packages ask for their own file name.
  shims: true,
  // What is bundled is what the development dependencies bring; their licences go along.
  deps: { onlyBundle: false },
  alias: { 'node-fetch': fileURLToPath(new URL('scripts/bundled-node-fetch.mjs', import.meta.url)) },
  treeshake: { moduleSideEffects: [{ test: /@kubernetes[\\/]client-node/, sideEffects: false }] },
  plugins: [thirdPartyNotices()],
});
