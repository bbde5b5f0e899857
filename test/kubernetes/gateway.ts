import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from './manifests.ts';
import { runProcess } from './run-process.ts';

/** Definitions of the Gateway API, a folder of its module. */
const { GATEWAY_CRDS } = process.env;
export const hasGatewayApi = Boolean(GATEWAY_CRDS);

/** Puts the definition of HTTPRoutes into the cluster, where it stays. */
export async function installHttpRoutes(): Promise<void> {
  const file = join(GATEWAY_CRDS ?? '', 'gateway.networking.k8s.io_httproutes.yaml');
  await runProcess('kubectl', ['apply', '--server-side', '--force-conflicts', '--filename', file]);
  const crd = 'crd/httproutes.gateway.networking.k8s.io';
  await runProcess('kubectl', ['wait', '--for=condition=Established', '--timeout=30s', crd]);
}

export interface Gateway {
  url: string;
  stop(): Promise<void>;
}

/** Starts the tests' own gateway (gateway-process.mjs) for one route. @param silent it writes no status */
export async function startGateway(namespace: string, route: string, silent = false): Promise<Gateway> {
  const script = fileURLToPath(new URL('gateway-process.mjs', import.meta.url));
  const env = { ...process.env, ...(silent && { SILENT: '1' }) };
  const child: ChildProcess = fork(script, [namespace, route], { execArgv: [], env });
  const port = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`The gateway ended by itself with ${code}.`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

/** A route with two rules that share between stable and canary. @param weights of each, stable first */
export function routeManifest(
  name: string,
  [stable, canary]: [string, string],
  weights: [number, number][],
): Manifest {
  const prefixes = ['/', '/checkout'];
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: {
      parentRefs: [{ name: 'edge' }],
      rules: weights.map(([toStable, toCanary], i) => ({
        matches: [{ path: { type: 'PathPrefix', value: prefixes[i] } }],
        backendRefs: [
          { name: stable, port: 80, weight: toStable },
          { name: canary, port: 80, weight: toCanary },
        ],
      })),
    },
  };
}
