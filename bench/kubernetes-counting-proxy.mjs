import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';

/**
 * A plain HTTP proxy in front of an API server that counts what is asked. Logins pass through it unchanged.
 * @param {{server: string, ca: string}} upstream Address, and its certificate authority in PEM.
 */
export async function countingProxy({ server, ca }) {
  const counted = {
    requests: 0,
    /** @type {Record<string, number>} By verb and resource, e.g. `PATCH pods`. */
    byKind: {},
    /** @type {Record<string, number>} Watches ever begun, by resource. */
    watches: {},
    /** @type {Record<string, number>} Most watches open at a time, by resource. */
    watchesAtOnce: {},
  };
  /** @type {Record<string, number>} */
  const open = {};
  const add = (/** @type {Record<string, number>} */ to, /** @type {string} */ key, by = 1) => {
    to[key] = (to[key] ?? 0) + by;
    return to[key];
  };
  const proxy = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', server);
    const resource = resourceOf(url.pathname);
    counted.requests++;
    add(counted.byKind, `${incoming.method} ${resource}`);
    if (['1', 'true'].includes(url.searchParams.get('watch') ?? '')) {
      add(counted.watches, resource);
      counted.watchesAtOnce[resource] = Math.max(counted.watchesAtOnce[resource] ?? 0, add(open, resource));
      outgoing.once('close', () => add(open, resource, -1));
    }
    const forwarded = request(url, { method: incoming.method, headers: incoming.headers, ca }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.once('error', () => outgoing.destroy());
    });
    forwarded.once('error', () => outgoing.destroy());
    outgoing.once('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  proxy.requestTimeout = 0;
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = proxy.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    counted,
    close() {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

/** Where the API server is, from a kubeconfig as `kubectl config view --raw --flatten --minify -o json` prints it. @param {string} text */
export function upstreamOf(text) {
  const { cluster } = JSON.parse(text).clusters[0];
  const data = cluster['certificate-authority-data'];
  const ca = data
    ? Buffer.from(data, 'base64').toString()
    : readFileSync(cluster['certificate-authority'], 'utf8');
  return { server: String(cluster.server), ca };
}

/** `/apis/apps/v1/namespaces/x/deployments/api/scale` is about `deployments/scale`. @param {string} path */
function resourceOf(path) {
  const [root, ...parts] = path.split('/').filter(Boolean);
  const below = parts.slice(root === 'apis' ? 2 : 1);
  const [resource = 'discovery', , sub] =
    below[0] === 'namespaces' && below.length > 2 ? below.slice(2) : below;
  return sub ? `${resource}/${sub}` : resource;
}
