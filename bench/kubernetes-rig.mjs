import { fileURLToPath } from 'node:url';
import { createViteServer } from 'vitest/node';

/** @typedef {typeof import('../test/kubernetes/rig.ts')} RigModule */
/** @typedef {typeof import('../test/kubernetes/images.ts')} ImagesModule */
/** @typedef {typeof import('../test/kubernetes/namespace.ts')} NamespaceModule */
/** @typedef {typeof import('../test/kubernetes/manifests.ts')} ManifestsModule */
/** @typedef {typeof import('../test/kubernetes/run-process.ts')} RunProcessModule */

/**
 * The rig of the cluster tests, which is TypeScript, for a script that plain Node.js runs.
 * @returns {Promise<RigModule & ImagesModule & NamespaceModule & ManifestsModule & RunProcessModule & {close(): Promise<void>}>}
 */
export async function loadRig() {
  const vite = await createViteServer({
    root: fileURLToPath(new URL('..', import.meta.url)),
    configFile: false,
    appType: 'custom',
    logLevel: 'error',
    // Nothing is served and nothing is edited meanwhile.
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true, include: [] },
  });
  const names = ['rig', 'images', 'namespace', 'manifests', 'run-process'];
  const modules = await Promise.all(names.map((name) => vite.ssrLoadModule(`/test/kubernetes/${name}.ts`)));
  return Object.assign({ close: () => vite.close() }, ...modules);
}
