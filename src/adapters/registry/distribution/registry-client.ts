import type { Login, RegistryCredentials } from '../../../oci/registry-credentials.ts';
import { DOCKER_HUB } from '../../../oci/registry-credentials.ts';
import type { ImageName } from './image-name.ts';
import { basic, challengeOf, fetchToken, refused, type Token } from './log-in.ts';
import { reasonOf, unreadable } from './unreadable.ts';

export interface RegistryClientOptions {
  /** Hosts that speak HTTP without TLS, besides those on this machine. */
  plainHttp: readonly string[];
  credentials: RegistryCredentials;
}

type Place = Pick<ImageName, 'host' | 'repository'>;

export interface RegistryClient {
  /**
   * Asks for `/v2/<repository>/<path>`, logs in where it must, and follows no redirect.
   * @throws RollbackError `REGISTRY_UNREACHABLE` for every answer but 2xx, 3xx and 404
   */
  ask(
    place: Place,
    request: { method: 'GET' | 'HEAD'; path: string; accept?: string },
    signal: AbortSignal,
  ): Promise<Response>;
}

/** Requests at once; more would only wait for one another. */
const AT_ONCE = 16;

/** Reads registries by the OCI distribution specification 1.1. Logins and tokens are kept in memory, by repository. */
export function registryClient({ plainHttp, credentials }: RegistryClientOptions): RegistryClient {
  const logins = new Map<string, Promise<Login | undefined>>();
  const authorizations = new Map<string, Promise<Token>>();
  const waiting: (() => void)[] = [];
  let running = 0;

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  }

  /** One at a time for each repository; what failed is asked anew by the next. */
  function once<T>(kept: Map<string, Promise<T>>, key: string, work: () => Promise<T>): Promise<T> {
    const known = kept.get(key);
    if (known) return known;
    const made = work();
    kept.set(key, made);
    made.catch(() => kept.get(key) === made && kept.delete(key));
    return made;
  }

  /** What to send next after a 401; undefined where nothing better is known. */
  async function logIn(place: Place, response: Response, used: string | undefined, signal: AbortSignal) {
    const { host, repository } = place;
    const key = `${host}/${repository}`;
    const challenge = challengeOf(response.headers.get('www-authenticate'));
    if (challenge === undefined) throw unreadable(host, 'It wants a login of a kind that is not known here.');
    const known = await currentToken(key);
    if (known !== undefined && known === used) authorizations.delete(key);
    const login = await once(logins, key, () => credentials(host, signal, repository));
    if (challenge.scheme === 'basic') {
      if (login === undefined) throw refused(host, false, repository);
      const expiresAt = Number.POSITIVE_INFINITY;
      return (await once(authorizations, key, async () => ({ value: basic(login), expiresAt }))).value;
    }
    const scope = challenge.scope ?? `repository:${repository}:pull`;
    const plain = isPlain(host);
    const token = await once(authorizations, key, async () => {
      const { value, expiresAt } = await fetchToken({ host, plain }, { ...challenge, scope }, login, signal);
      return { value: `Bearer ${value}`, expiresAt };
    });
    return token.value;
  }

  async function currentToken(key: string): Promise<string | undefined> {
    const token = await authorizations.get(key)?.catch(() => undefined);
    if (token === undefined || token.expiresAt > Date.now()) return token?.value;
    authorizations.delete(key);
    return undefined;
  }

  function isPlain(host: string): boolean {
    return plainHttp.includes(host) || /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(host);
  }

  return {
    async ask(place, { method, path, accept }, signal) {
      signal.throwIfAborted();
      const { host, repository } = place;
      const key = `${host}/${repository}`;
      const address = host === DOCKER_HUB ? 'registry-1.docker.io' : host;
      const url = `${isPlain(host) ? 'http' : 'https'}://${address}/v2/${repository}/${path}`;
      const send = async (authorization: string | undefined) => {
        const headers = { ...(accept ? { accept } : {}), ...(authorization ? { authorization } : {}) };
        try {
          return await inTurn(() => fetch(url, { method, headers, redirect: 'manual', signal }));
        } catch (error) {
          signal.throwIfAborted();
          throw unreadable(host, `${host} does not answer: ${reasonOf(error)}.`, {
            retriable: true,
            cause: error,
          });
        }
      };
      let used = await currentToken(key);
      let response = await send(used);
      if (response.status === 401) {
        await response.body?.cancel();
        used = await logIn(place, response, used, signal);
        response = await send(used);
      }
      const { status } = response;
      if ((status >= 200 && status < 400) || status === 404) return response;
      await response.body?.cancel();
      if (status === 401 || status === 403) {
        authorizations.delete(key);
        const login = await logins.get(key);
        logins.delete(key);
        throw refused(host, login !== undefined, repository);
      }
      const retriable = status === 429 || status >= 500;
      const limit = status === 429 ? ' It lets nobody ask that often; a login often raises the limit.' : '';
      throw unreadable(host, `It answered HTTP ${status} to ${method} ${path} of ${repository}.${limit}`, {
        retriable,
      });
    },
  };
}
