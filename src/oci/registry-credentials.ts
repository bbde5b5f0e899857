/** The Docker Hub as people name it; its API answers under another name. */
export const DOCKER_HUB = 'docker.io';

export interface Login {
  /** `<token>` where the password is an identity token (OAuth 2.0 refresh token). */
  username: string;
  password: string;
}

/**
 * Who to log in as; undefined for nobody. Asked only once a registry wants a login.
 * @param host `host` or `host:port` as in the image's name; `docker.io` for the Docker Hub
 * @param repository path of the repository, e.g. `team/api`, for logins that are of one path only
 * @throws RollbackError where there are credentials that can't be read
 */
export type RegistryCredentials = (
  host: string,
  signal: AbortSignal,
  repository?: string,
) => Promise<Login | undefined>;

/** One entry of `auths` (docker's config.json, secrets of type `kubernetes.io/dockerconfigjson`). */
export interface DockerAuth {
  /** Base64 of `username:password`. */
  auth?: string;
  username?: string;
  password?: string;
  identitytoken?: string;
}

/**
 * The login of `auths` that fits best: of the longest path, and an exact host before a pattern. Keys may be URLs, name a
 * path (`registry.example.com/team`) and have `*` in the host for one label, as the kubelet takes them.
 */
export function loginFrom(
  auths: Record<string, DockerAuth>,
  host: string,
  repository = '',
): Login | undefined {
  const fitting = Object.entries(auths)
    .flatMap(([key, auth]) => {
      const { name, path } = partsOf(key);
      const exact = name === host;
      if (!exact && !patternOf(name).test(host)) return [];
      if (path !== '' && repository !== path && !repository.startsWith(`${path}/`)) return [];
      const login = loginOf(auth ?? {});
      return login === undefined ? [] : [{ login, rank: path.length * 2 + (exact ? 1 : 0) }];
    })
    .sort((a, b) => b.rank - a.rank);
  return fitting[0]?.login;
}

function partsOf(key: string): { name: string; path: string } {
  const [name = '', ...path] = key.replace(/^https?:\/\//, '').split('/');
  if (/^(index\.|registry-1\.)?docker\.io$/.test(name)) {
    // `https://index.docker.io/v1/` means all of the Docker Hub.
    return { name: DOCKER_HUB, path: path.filter((part) => part !== '' && !/^v[12]$/.test(part)).join('/') };
  }
  return {
    name,
    path: path.filter((part, i) => part !== '' && !(i === 0 && /^v[12]$/.test(part))).join('/'),
  };
}

function patternOf(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^.:]*')}$`);
}

function loginOf({ auth, username, password, identitytoken }: DockerAuth): Login | undefined {
  if (identitytoken) return { username: '<token>', password: identitytoken };
  if (username && password !== undefined) return { username, password };
  const text = Buffer.from(auth ?? '', 'base64')
    .toString()
    .replace(/\0+$/, '');
  const colon = text.indexOf(':');
  return colon <= 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
