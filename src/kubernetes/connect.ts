import { Agent as HttpAgent } from 'node:http';
import { Agent, type RequestOptions as HttpsOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { EXIT, RollbackError } from '../model/error.ts';
import { didYouMean } from '../model/suggest.ts';
import type { Cluster } from './cluster.ts';
import { httpCluster } from './http-cluster.ts';

export interface ConnectOptions {
  /** `--context`; default: the kubeconfig's current one. */
  context?: string | undefined;
  /** `-n`; default: the context's, else `default`. */
  namespace?: string | undefined;
}

/**
 * Finds the cluster and the user the way kubectl does: `$KUBECONFIG`, else `~/.kube/config`, else the service account
 * of the pod. Nothing is sent yet.
 * @throws RollbackError `KUBECONFIG_NOT_FOUND`, `KUBECONFIG_INVALID`, `CONTEXT_UNKNOWN` (all exit 2)
 */
export async function connect({ context, namespace }: ConnectOptions = {}): Promise<Cluster> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = load(new KubeConfig());
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context)) throw unknownContext(context, names);
    config.setCurrentContext(context);
  }
  const current = config.getContextObject(config.getCurrentContext());
  const server = config.getCurrentCluster()?.server;
  if (!server) throw notFound();
  const ownNamespace = current?.namespace ?? 'default';
  return httpCluster({
    server: server.replace(/\/+$/, ''),
    context: config.getCurrentContext(),
    namespace: namespace ?? ownNamespace,
    authorize: authorizer(config),
    executor: async () => {
      const { Exec } = await import('@kubernetes/client-node');
      return new Exec(config);
    },
  });
}

function load(config: KubeConfig): KubeConfig {
  try {
    config.loadFromDefault();
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RollbackError({
      code: missing ? 'KUBECONFIG_NOT_FOUND' : 'KUBECONFIG_INVALID',
      summary: missing ? 'There is no such kubeconfig' : 'The kubeconfig cannot be read',
      detail: missing
        ? `There is no file ${(error as NodeJS.ErrnoException).path}.`
        : `${(error as Error).message}.`,
      fix: 'Set KUBECONFIG (or --kubeconfig) to a file that "kubectl config view" reads too.',
      exit: EXIT.usage,
      cause: error,
    });
  }
  // What the library falls back to is a guess, not a cluster somebody configured.
  if (
    config.getCurrentContext() === 'loaded-context' &&
    config.getCurrentCluster()?.server === 'http://localhost:8080'
  ) {
    throw notFound();
  }
  return config;
}

/** TLS and login for each request; one agent keeps the connections. */
function authorizer(config: KubeConfig): () => Promise<HttpsOptions> {
  let agent: HttpAgent | undefined;
  return async () => {
    const options: HttpsOptions = {};
    await config.applyToHTTPSOptions(options);
    const cluster = config.getCurrentCluster();
    if (agent === undefined) {
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
      const tls = Object.entries({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername });
      const given = Object.fromEntries(tls.filter(([, value]) => value !== undefined));
      if (cluster?.proxyUrl) agent = options.agent as HttpAgent;
      else if (cluster?.server.startsWith('http:')) agent = new HttpAgent({ keepAlive: true });
      else agent = new Agent({ keepAlive: true, maxSockets: 32, ...given });
    }
    return { headers: options.headers, auth: options.auth, agent };
  };
}

function notFound(): RollbackError {
  return new RollbackError({
    code: 'KUBECONFIG_NOT_FOUND',
    summary: 'No Kubernetes cluster is configured',
    detail: 'KUBECONFIG is not set, there is no ~/.kube/config, and this is no pod with a service account.',
    fix: 'Set KUBECONFIG, or log in to the cluster, so that "kubectl get pods" works, then run the same command.',
    exit: EXIT.usage,
  });
}

function unknownContext(context: string, names: string[]): RollbackError {
  return new RollbackError({
    code: 'CONTEXT_UNKNOWN',
    summary: `Unknown context "${context}"${didYouMean(context, names)}`,
    detail: names.length > 0 ? `The kubeconfig has ${names.join(', ')}.` : 'The kubeconfig has none.',
    fix: 'See them: kubectl config get-contexts',
    exit: EXIT.usage,
  });
}
