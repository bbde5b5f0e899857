import { createHash } from 'node:crypto';
import { RollbackError } from '../../model/error.ts';
import type { ImageFacts } from '../../model/facts.ts';
import {
  type Descriptor,
  type ImageIndex,
  isDigest,
  LARGEST_DOCUMENT,
  parseManifest,
} from '../../oci/manifest.ts';
import type { RegistryCredentials } from '../../oci/registry-credentials.ts';
import { ACCEPT, bodyOf, follow } from './distribution/answers.ts';
import { folderReader } from './distribution/folder-reader.ts';
import { parseImageName } from './distribution/image-name.ts';
import { registryClient } from './distribution/registry-client.ts';
import { unreadable } from './distribution/unreadable.ts';
import type { Registry } from './registry.ts';

export interface DistributionOptions {
  /** `host` or `host:port` of registries without TLS. Those on this machine need no entry. */
  plainHttp: readonly string[];
  credentials: RegistryCredentials;
}

/**
 * Registries that speak the OCI distribution specification, wherever an image's name points. Manifests are read and
 * compared with their digests; configuration and layers are asked for, and their sizes compared. Of an index every
 * image has to be there. Where the digest of an image is '' (not known), what its tag means now is looked at.
 */
export function distributionRegistry(options: DistributionOptions): Registry {
  const client = registryClient(options);

  /** All that is missing or damaged of one image. */
  async function look(reference: string, signal: AbortSignal) {
    const name = parseImageName(reference);
    const ask = (method: 'GET' | 'HEAD', path: string, accept?: string) =>
      client.ask(name, { method, path, ...(accept ? { accept } : {}) }, signal);

    async function read(which: string): Promise<{ digest: string; text: string } | undefined> {
      const response = await ask('GET', `manifests/${which}`, ACCEPT);
      if (!response.ok) {
        await response.body?.cancel();
        if (response.status === 404) return undefined;
        throw unreadable(name.host, `It answered HTTP ${response.status} to a request for a manifest.`);
      }
      const content = await bodyOf(response, name.host, signal);
      return {
        digest: `sha256:${createHash('sha256').update(content).digest('hex')}`,
        text: content.toString(),
      };
    }

    async function problemsOf(digest: string): Promise<string[]> {
      const found = await read(digest);
      if (found === undefined) return [`Blob ${digest} is missing.`];
      if (found.digest !== digest) return [`Blob ${digest} has the content of ${found.digest}.`];
      let parsed: ReturnType<typeof parseManifest>;
      try {
        parsed = parseManifest(found.text, digest);
      } catch (error) {
        if (error instanceof RollbackError) return [`${error.summary}. ${error.detail ?? ''}`.trim()];
        throw error;
      }
      if ('index' in parsed) return flat(runnable(parsed.index).map((child) => problemsOf(child.digest)));
      const { config, layers } = parsed.manifest;
      const blobs = new Map([config, ...layers].filter(isKept).map((blob) => [blob.digest, blob]));
      return flat([...blobs.values()].map((blob) => blobProblems(blob, blob === config)));
    }

    async function blobProblems({ digest, size }: Descriptor, isConfig: boolean): Promise<string[]> {
      // A configuration is small and every start needs it, so it is read; of a layer the registry's word is taken.
      const read = isConfig && size <= LARGEST_DOCUMENT;
      let response = await ask(read ? 'GET' : 'HEAD', `blobs/${digest}`);
      if (response.status >= 300 && response.status < 400)
        response = await follow(response, read, name.host, signal);
      if (response.status === 404) {
        await response.body?.cancel();
        return [`Blob ${digest} is missing.`];
      }
      if (read && response.ok) {
        const content = await bodyOf(response, name.host, signal);
        const seen = `sha256:${createHash('sha256').update(content).digest('hex')}`;
        if (content.length !== size) return [wrongSize(digest, content.length, size)];
        return seen === digest ? [] : [`Blob ${digest} has the content of ${seen}.`];
      }
      await response.body?.cancel();
      // A store behind the registry may not answer HEAD; that the registry sent us there says the blob exists.
      const length = response.ok ? response.headers.get('content-length') : null;
      return length === null || Number(length) === size ? [] : [wrongSize(digest, Number(length), size)];
    }

    async function tagDigest(): Promise<string | undefined> {
      if (name.tag === undefined) return undefined;
      const response = await ask('HEAD', `manifests/${name.tag}`, ACCEPT);
      if (response.status === 404) return undefined;
      const told = response.headers.get('docker-content-digest');
      return isDigest(told) ? told : (await read(name.tag))?.digest;
    }

    return { name, problemsOf, tagDigest };
  }

  return {
    name: 'image registry',
    folderReader: (folder) =>
      folderReader(client, folder, async (reference, signal) => (await look(reference, signal)).tagDigest()),
    async lookUp({ reference, digest }, signal) {
      try {
        signal.throwIfAborted();
        const image = await look(reference, signal);
        const [now, problems] = await Promise.all([
          image.tagDigest(),
          digest === '' ? undefined : image.problemsOf(digest),
        ]);
        if (problems)
          return factsOf(reference, now ?? (image.name.tag ? undefined : image.name.digest), problems);
        const meant = image.name.digest ?? now;
        if (meant === undefined) return factsOf(reference, now, [`The tag of ${reference} is gone.`]);
        return factsOf(reference, meant, await image.problemsOf(meant));
      } catch (error) {
        signal.throwIfAborted();
        throw asUnreachable(reference, error);
      }
    },
  };
}

function factsOf(reference: string, tagDigest: string | undefined, problems: string[]): ImageFacts {
  const exists = problems.length === 0;
  return { reference, exists, tagDigest, problem: exists ? undefined : [...new Set(problems)].join(' ') };
}

/** Images that a machine could run: signatures and attestations in an index name no platform. */
function runnable(index: ImageIndex): Descriptor[] {
  return index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
}

/** Layers that may not be distributed lie elsewhere (OCI image spec, "Non-Distributable Layers"). */
function isKept({ mediaType }: Descriptor): boolean {
  return !/\.(nondistributable|foreign)\./.test(mediaType);
}

function wrongSize(digest: string, is: number, size: number): string {
  return `Blob ${digest} is ${is} bytes long, not ${size}.`;
}

async function flat(each: Promise<string[]>[]): Promise<string[]> {
  return (await Promise.all(each)).flat();
}

/** Credentials that could not be had are a reason too. */
function asUnreachable(reference: string, error: unknown): RollbackError {
  if (error instanceof RollbackError && error.code === 'REGISTRY_UNREACHABLE') return error;
  const known = error instanceof RollbackError ? error : undefined;
  return new RollbackError({
    code: 'REGISTRY_UNREACHABLE',
    summary: `The image ${reference} can't be looked up`,
    detail: known ? known.message : `${(error as Error).message}.`,
    fix: known?.fix ?? 'Mend the registry, then run the same command again.',
    retriable: known?.retriable ?? false,
    cause: error,
  });
}
