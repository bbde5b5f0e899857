import { RollbackError } from '../../../model/error.ts';
import { isDigest } from '../../../oci/manifest.ts';
import { DOCKER_HUB } from '../../../oci/registry-credentials.ts';

/** What the name of an image means to a registry. */
export interface ImageName {
  /** As in logins, e.g. `registry.example.com:5000`; `docker.io` for the Docker Hub. */
  host: string;
  /** E.g. `library/nginx`. */
  repository: string;
  /** undefined where the image is named by its digest alone. */
  tag: string | undefined;
  digest: string | undefined;
}

const REPOSITORY = /^[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Reads a name the way container runtimes do: `nginx` is `docker.io/library/nginx:latest`.
 * @throws RollbackError `REGISTRY_UNREACHABLE` for what no registry can be asked for
 */
export function parseImageName(reference: string): ImageName {
  const at = reference.indexOf('@');
  const digest = at === -1 ? undefined : reference.slice(at + 1);
  const name = at === -1 ? reference : reference.slice(0, at);
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  const written = colon === -1 ? undefined : name.slice(colon + 1);
  const path = colon === -1 ? name : name.slice(0, colon);
  const slash = path.indexOf('/');
  const first = path.slice(0, Math.max(0, slash));
  const hasHost = first === 'localhost' || /[.:]|[A-Z]/.test(first);
  const host = !hasHost || /^(index|registry-1)\.docker\.io$/.test(first) ? DOCKER_HUB : first;
  const rest = hasHost ? path.slice(slash + 1) : path;
  const repository = host === DOCKER_HUB && !rest.includes('/') ? `library/${rest}` : rest;
  const tag = written ?? (digest === undefined ? 'latest' : undefined);
  const valid =
    REPOSITORY.test(repository) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || isDigest(digest)) &&
    /^[\w.:[\]-]+$/.test(host);
  if (!valid) {
    throw new RollbackError({
      code: 'REGISTRY_UNREACHABLE',
      summary: `The image "${reference}" can't be looked up`,
      detail: 'That is not the name of an image in a registry, like registry.example.com/team/api:v2.14.3.',
      fix: 'Choose another version: rollback-deploy-auto releases',
    });
  }
  return { host, repository, tag, digest };
}
