import { createHash } from 'node:crypto';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** The few calls of the OCI distribution API that tests push images with. Plain HTTP on loopback, HTTPS elsewhere. */
export function registryClient(host: string) {
  const scheme = /^(127\.|localhost[:$]|\[::1\])/.test(host) ? 'http' : 'https';
  const at = (repository: string, path: string) => `${scheme}://${host}/v2/${repository}/${path}`;
  return {
    /** Undefined where there is none. */
    async manifest(repository: string, tag: string): Promise<(Manifest & { digest: string }) | undefined> {
      const response = await fetch(at(repository, `manifests/${tag}`), { headers: { accept: MANIFEST } });
      if (response.status === 404) return undefined;
      await expectOk(response, `read ${repository}:${tag}`);
      const text = await response.text();
      return { ...(JSON.parse(text) as Manifest), digest: sha256(text) };
    },

    /** @returns its digest */
    async pushManifest(repository: string, tag: string, manifest: Manifest): Promise<string> {
      const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, ...manifest });
      const response = await fetch(at(repository, `manifests/${tag}`), {
        method: 'PUT',
        headers: { 'content-type': MANIFEST },
        body,
      });
      await expectOk(response, `push ${repository}:${tag}`);
      return sha256(body);
    },

    async deleteManifest(repository: string, digest: string): Promise<void> {
      const response = await fetch(at(repository, `manifests/${digest}`), { method: 'DELETE' });
      await expectOk(response, `delete ${repository}@${digest}`);
    },

    async json<T>(repository: string, digest: string): Promise<T> {
      const response = await fetch(at(repository, `blobs/${digest}`));
      await expectOk(response, `read blob ${digest}`);
      return (await response.json()) as T;
    },

    /** Uploads it unless the repository has it, or takes it over from another repository of the registry. */
    async pushBlob(repository: string, mediaType: string, data: Uint8Array): Promise<Descriptor> {
      const digest = sha256(data);
      const seen = await fetch(at(repository, `blobs/${digest}`), { method: 'HEAD' });
      if (seen.ok) return { mediaType, digest, size: data.length };
      const begun = await fetch(at(repository, 'blobs/uploads/'), { method: 'POST' });
      await expectOk(begun, `begin an upload to ${repository}`);
      const url = new URL(begun.headers.get('location') ?? '', at(repository, ''));
      url.searchParams.set('digest', digest);
      const put = await fetch(url, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        body: new Uint8Array(data),
      });
      await expectOk(put, `upload ${digest}`);
      return { mediaType, digest, size: data.length };
    },

    /** Makes a blob of one repository known to another of the same registry. */
    async mountBlob(from: string, repository: string, digest: string): Promise<void> {
      const response = await fetch(at(repository, `blobs/uploads/?mount=${digest}&from=${from}`), {
        method: 'POST',
      });
      await expectOk(response, `mount ${digest}`);
      // 202 would be an upload begun instead: the registry does not do mounts.
      if (response.status !== 201) throw new Error(`The registry did not mount ${digest} from ${from}.`);
    },
  };
}

export function sha256(data: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

async function expectOk(response: Response, what: string): Promise<void> {
  if (response.ok) return;
  throw new Error(`Cannot ${what}: ${response.status} ${await response.text()}`);
}
