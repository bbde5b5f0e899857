/**
 * A small gateway of the tests' own, since no real controller of the Gateway API can be had here. It does for one
 * HTTPRoute what a real one does: watches it and the EndpointSlices in the API server; sends each request to a backend by
 * the weights of the rule that matches (longest path prefix), to a pod that the slices list as ready, over connections
 * that it keeps; answers 503 where a backend has no pod; and writes `status.parents` with the generation that it has read,
 * `LAG_MS` before its proxy goes by it. SILENT=1: writes no status. Speaks to the API server through `kubectl proxy`.
 * Arguments: namespace, route. Its first message is its port.
 */
import { spawn } from 'node:child_process';
import { Agent, createServer, request as send } from 'node:http';

const [, , namespace = '', name = ''] = process.argv;
const { LAG_MS = '300', SILENT } = process.env;
const CONTROLLER = 'tests.example/gateway';

const kubectl = spawn('kubectl', ['proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
process.on('exit', () => kubectl.kill());
// The test that started it is gone, or is done with it.
process.once('disconnect', () => process.exit(0));
const api = await new Promise((resolve, reject) => {
  kubectl.once('exit', () => reject(new Error('kubectl proxy ended')));
  kubectl.stdout.on('data', (data) => {
    const [, address] = /serve on (\S+)/.exec(String(data)) ?? [];
    if (address) resolve(`http://${address}`);
  });
});

/** Rules that the proxy goes by. @type {{prefix: string, backends: {name: string, weight: number}[]}[]} */
let rules = [];
/** @type {Map<string, {service: string, addresses: string[]}>} By slice. */
const slices = new Map();
/** @type {Map<string, Agent>} By address. */
const agents = new Map();

const gateway = `${api}/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`;
void watch(gateway, `metadata.name=${name}`, (type, route) => {
  if (type === 'DELETED') rules = [];
  else void takeUp(route);
});
void watch(`${api}/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, '', (type, slice) => {
  const { metadata, endpoints, ports } = slice;
  if (type === 'DELETED') slices.delete(metadata.uid);
  else {
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready ?? true);
    const service = metadata.labels['kubernetes.io/service-name'];
    slices.set(metadata.uid, {
      service,
      addresses: ready.flatMap(({ addresses }) => addresses.map((ip) => `${ip}:${ports?.[0]?.port}`)),
    });
  }
  // Idle connections to pods that are no longer listed are closed; what is under way on others goes on.
  const listed = new Set([...slices.values()].flatMap(({ addresses }) => addresses));
  for (const [address, agent] of agents) {
    if (listed.has(address)) continue;
    agents.delete(address);
    for (const sockets of Object.values(agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy();
    agent.maxFreeSockets = 0;
  }
});

const server = createServer((incoming, outgoing) => {
  const backend = backendFor(incoming.url ?? '/');
  const addresses = [...slices.values()].filter(({ service }) => service === backend);
  const all = addresses.flatMap((slice) => slice.addresses);
  const address = all[Math.floor(Math.random() * all.length)];
  if (!address) return outgoing.writeHead(503, { 'x-gateway': `no pod of ${backend}` }).end();
  const [host, port] = address.split(':');
  const agent = agents.get(address) ?? new Agent({ keepAlive: true });
  agents.set(address, agent);
  const { method, url, headers } = incoming;
  const upstream = send(
    { host, port, method, path: url, agent, headers: { ...headers, connection: 'keep-alive' } },
    (answer) => {
      const { connection: _, 'keep-alive': __, ...rest } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, rest);
      answer.pipe(outgoing);
    },
  );
  upstream.once('error', (error) => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502, { 'x-gateway': error.message }).end();
  });
  incoming.pipe(upstream);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});

/** @param {string} url */
function backendFor(url) {
  const rule = rules.find(({ prefix }) => url.startsWith(prefix));
  const backends = rule?.backends ?? [];
  let at = Math.random() * backends.reduce((sum, { weight }) => sum + weight, 0);
  for (const { name: service, weight } of backends) {
    at -= weight;
    if (at < 0) return service;
  }
  return undefined;
}

/** @param {any} route */
async function takeUp({ metadata, spec, status }) {
  const next = (spec.rules ?? []).map((/** @type {any} */ { matches, backendRefs = [] }) => ({
    prefix: matches?.[0]?.path?.value ?? '/',
    backends: backendRefs.map((/** @type {any} */ ref) => ({ name: ref.name, weight: ref.weight ?? 1 })),
  }));
  next.sort((/** @type {any} */ a, /** @type {any} */ b) => b.prefix.length - a.prefix.length);
  const known = status?.parents?.[0]?.conditions?.[0]?.observedGeneration ?? 0;
  if (!SILENT && known < metadata.generation) await report(metadata.generation, spec.parentRefs ?? []);
  setTimeout(() => {
    rules = next;
  }, Number(LAG_MS));
}

/** @param {number} generation @param {object[]} parents */
async function report(generation, parents) {
  const condition = (/** @type {string} */ type) => ({
    type,
    status: 'True',
    reason: type,
    message: '',
    observedGeneration: generation,
    lastTransitionTime: new Date().toISOString(),
  });
  const conditions = [condition('Accepted'), condition('ResolvedRefs')];
  const body = {
    status: {
      parents: parents.map((parentRef) => ({ parentRef, controllerName: CONTROLLER, conditions })),
    },
  };
  const headers = { 'content-type': 'application/merge-patch+json' };
  const method = 'PATCH';
  const answer = await fetch(`${gateway}/${name}/status`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) console.error(`The status was refused: ${await answer.text()}`);
}

/** @param {string} path @param {string} fieldSelector @param {(type: string, object: any) => void} seen */
async function watch(path, fieldSelector, seen) {
  for (;;) {
    // From the beginning each time: all there is comes first.
    const answer = await fetch(`${path}?watch=true&timeoutSeconds=600&fieldSelector=${fieldSelector}`);
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const { type, object } = JSON.parse(text.slice(0, end));
        text = text.slice(end + 1);
        if (type !== 'ERROR') seen(type, object);
      }
    }
  }
}
