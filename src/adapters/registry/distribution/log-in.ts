import type { Login } from '../../../oci/registry-credentials.ts';
import { reasonOf, unreadable } from './unreadable.ts';

/** What a registry wants to see (RFC 9110, "WWW-Authenticate"; distribution, "Token Authentication"). */
export type Challenge =
  | { scheme: 'basic' }
  | { scheme: 'bearer'; realm: string; service: string | undefined; scope: string | undefined };

export interface Token {
  value: string;
  /** ms since the epoch. */
  expiresAt: number;
}

/** undefined where it asks for nothing that is known here. */
export function challengeOf(header: string | null): Challenge | undefined {
  const [, scheme = '', rest = ''] = /^\s*(\w+)\s*(.*)$/s.exec(header ?? '') ?? [];
  if (scheme.toLowerCase() === 'basic') return { scheme: 'basic' };
  if (scheme.toLowerCase() !== 'bearer') return undefined;
  const parts = Object.fromEntries(
    [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key.toLowerCase(), value]),
  );
  if (parts.realm === undefined) return undefined;
  return { scheme: 'bearer', realm: parts.realm, service: parts.service, scope: parts.scope };
}

export function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Gets a token from where the challenge says; without a login an anonymous one. @throws `REGISTRY_UNREACHABLE` */
export async function fetchToken(
  { host, plain }: { host: string; plain: boolean },
  { realm, service, scope }: Extract<Challenge, { scheme: 'bearer' }>,
  login: Login | undefined,
  signal: AbortSignal,
): Promise<Token> {
  const url = realmOf(host, realm);
  if (login && url.protocol === 'http:' && !plain) {
    throw unreadable(host, `It sends the login to ${url.host} without TLS, so the login was not sent.`);
  }
  const asked = { ...(service ? { service } : {}), ...(scope ? { scope } : {}) };
  let init: RequestInit = {};
  if (login?.username === '<token>') {
    // An identity token is an OAuth 2.0 refresh token (distribution, "Token Authentication: OAuth2").
    const form = { ...asked, grant_type: 'refresh_token', client_id: 'rollback-deploy-auto' };
    init = { method: 'POST', body: new URLSearchParams({ ...form, refresh_token: login.password }) };
  } else {
    for (const [key, value] of Object.entries(asked)) url.searchParams.set(key, value);
    if (login) init = { headers: { authorization: basic(login) } };
  }
  let response: Response;
  let answer: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    response = await fetch(url, { ...init, redirect: 'error', signal });
    answer = response.ok ? ((await response.json()) as typeof answer) : {};
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(host, `Its login server ${url.host} gives no token: ${reasonOf(error)}.`, {
      retriable: true,
      cause: error,
    });
  }
  const value = answer.token ?? answer.access_token;
  if (typeof value === 'string') {
    const seconds = typeof answer.expires_in === 'number' ? answer.expires_in : 60;
    // A token that ends on the way is of no use.
    return { value, expiresAt: Date.now() + Math.max(0, seconds - 5) * 1000 };
  }
  await response.body?.cancel();
  if (response.status === 401 || response.status === 403) throw refused(host, login !== undefined);
  throw unreadable(host, `Its login server ${url.host} gave no token: HTTP ${response.status}.`, {
    retriable: response.status >= 500 || response.status === 429,
  });
}

/** The registry said no, with or without a login. */
export function refused(host: string, loggedIn: boolean, what = ''): Error {
  const of = what && ` for ${what}`;
  return unreadable(
    host,
    loggedIn
      ? `It refused the credentials${of}.`
      : `It wants a login${of}, and there are no credentials for ${host}.`,
    {
      fix: `Log in: docker login ${host}, or mend the pull secret of the pods, then run the same command again.`,
    },
  );
}

function realmOf(host: string, realm: string): URL {
  try {
    const url = new URL(realm);
    if (url.protocol === 'https:' || url.protocol === 'http:') return url;
  } catch {
    // Said below.
  }
  throw unreadable(host, 'It names a login server that is no address.');
}
