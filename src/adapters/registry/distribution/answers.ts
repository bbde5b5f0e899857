import { LARGEST_DOCUMENT, MEDIA_TYPE } from '../../../oci/manifest.ts';
import { reasonOf, unreadable } from './unreadable.ts';

/** Media types of manifests and indexes, for the header of that name. */
export const ACCEPT = [
  MEDIA_TYPE.index,
  MEDIA_TYPE.manifest,
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** To the store behind the registry, without the registry's login. */
export async function follow(
  response: Response,
  read: boolean,
  host: string,
  signal: AbortSignal,
): Promise<Response> {
  const to = response.headers.get('location');
  if (to === null) throw unreadable(host, 'It redirects a request to nowhere.');
  const url = new URL(to, response.url);
  try {
    return await fetch(url, { method: read ? 'GET' : 'HEAD', signal });
  } catch (error) {
    signal.throwIfAborted();
    const detail = `Its store ${url.host} does not answer: ${reasonOf(error)}.`;
    throw unreadable(host, detail, { retriable: true, cause: error });
  }
}

/** A document's bytes. @throws RollbackError `REGISTRY_UNREACHABLE` where it is cut off or above 4 MiB */
export async function bodyOf(response: Response, host: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > LARGEST_DOCUMENT) break;
      chunks.push(chunk);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(host, `Its answer was cut off: ${reasonOf(error)}.`, { retriable: true, cause: error });
  }
  if (length > LARGEST_DOCUMENT) throw unreadable(host, 'It sent a document of more than 4 MiB.');
  return Buffer.concat(chunks);
}
