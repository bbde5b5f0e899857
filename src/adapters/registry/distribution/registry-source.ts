import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { imageDamaged, imageNotFound, imageUnsupported } from '../../../oci/image-error.ts';
import { type ImageSource, manifestBelow } from '../../../oci/image-source.ts';
import { type Descriptor, type ImageIndex, parseConfiguration } from '../../../oci/manifest.ts';
import { thisPlatform } from '../../../oci/this-platform.ts';
import { ACCEPT, bodyOf, follow } from './answers.ts';
import type { ImageName } from './image-name.ts';
import type { RegistryClient } from './registry-client.ts';
import { reasonOf, unreadable } from './unreadable.ts';

/**
 * The images of one repository. Of an image for several machines, one that runs Linux is taken, with this machine's kind of
 * processor if there is one: which is run is for the cluster to say, and the text files in them are the same.
 */
export function registrySource(client: RegistryClient, name: ImageName, signal: AbortSignal): ImageSource {
  async function ask(path: string, digest: string, until: AbortSignal): Promise<Response> {
    const accept = path === 'manifests' ? { accept: ACCEPT } : {};
    const request = { method: 'GET' as const, path: `${path}/${digest}`, ...accept };
    let response = await client.ask(name, request, until);
    if (response.status >= 300 && response.status < 400)
      response = await follow(response, true, name.host, until);
    if (response.ok) return response;
    await response.body?.cancel();
    if (response.status === 404) throw imageNotFound(digest, `Blob ${digest} is missing.`);
    throw unreadable(name.host, `It answered HTTP ${response.status} to a request for ${digest}.`);
  }

  async function document(path: string, digest: string, size: number | undefined): Promise<string> {
    const content = await bodyOf(await ask(path, digest, signal), name.host, signal);
    const actual = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    if (actual !== digest) throw imageDamaged(`Blob ${digest} has the content of ${actual}.`);
    if (size !== undefined && content.length !== size) throw imageDamaged(says(digest, content.length, size));
    return content.toString('utf8');
  }

  const manifest = (digest: string) =>
    manifestBelow(digest, (at, size) => document('manifests', at, size), forSomeMachine);

  async function* contentOf({ digest, size }: Descriptor, until: AbortSignal): AsyncGenerator<Uint8Array> {
    const { body } = await ask('blobs', digest, until);
    let length = 0;
    try {
      for await (const chunk of body ?? []) {
        length += chunk.length;
        if (length > size) break;
        yield chunk;
      }
    } catch (error) {
      until.throwIfAborted();
      const detail = `Blob ${digest} was cut off after ${length} of ${size} bytes: ${reasonOf(error)}.`;
      throw unreadable(name.host, detail, { retriable: true, cause: error });
    }
    if (length > size) throw imageDamaged(`Blob ${digest} is longer than ${size} bytes.`);
    if (length < size) throw imageDamaged(says(digest, length, size));
  }

  return {
    manifest,
    async config(digest) {
      const { config } = await manifest(digest);
      return parseConfiguration(await document('blobs', config.digest, config.size), config.digest);
    },
    blob: async (blob, until) => Readable.from(contentOf(blob, until), { objectMode: false }),
    async checkBlob(blob, until) {
      const hash = createHash('sha256');
      for await (const chunk of contentOf(blob, until)) hash.update(chunk);
      const actual = `sha256:${hash.digest('hex')}`;
      if (actual === blob.digest) return undefined;
      return {
        digest: blob.digest,
        problem: 'damaged',
        says: `Blob ${blob.digest} has the content of ${actual}.`,
      };
    },
  };
}

function says(digest: string, is: number, size: number): string {
  return `Blob ${digest} is ${is} bytes long, not ${size}.`;
}

function forSomeMachine({ manifests }: ImageIndex, digest: string): Descriptor {
  const linux = manifests.filter(({ platform }) => platform?.os === 'linux');
  const own = linux.find(({ platform }) => platform?.architecture === thisPlatform().architecture);
  const unnamed = manifests.filter(({ platform }) => platform === undefined);
  const chosen = own ?? linux[0] ?? (unnamed.length === 1 ? unnamed[0] : undefined);
  if (chosen) return chosen;
  throw imageUnsupported(digest, 'It has no image for Linux.');
}
