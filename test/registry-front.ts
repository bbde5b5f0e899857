import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Descriptor, type ImageConfig, MEDIA_TYPE } from '../src/oci/manifest.ts';
import { thisPlatform } from '../src/oci/this-platform.ts';
import { type CraftedLayer, digestOf, tarOf } from './oci-fixture.ts';

export interface Seen {
  method: string;
  url: string;
  authorization: string | undefined;
}

/** A server in front of the real registry: everything is the registry's own answer but for what is set here. */
export interface RegistryFront {
  host: string;
  /** Every request, in order. */
  seen: Seen[];
  /** Answers in place of the registry; true where it did. */
  instead: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Changes the body of an answer, by the last part of the path. */
  damaged: Map<string, (body: Buffer) => Buffer>;
  /** Tags that are gone. */
  hidden: Set<string>;
  close(): Promise<void>;
}

export async function registryFront(registry: string): Promise<RegistryFront> {
  const [hostname = '', port = '80'] = registry.split(':');
  const server = createServer((asked, response) => {
    const { method = '', url = '', headers } = asked;
    front.seen.push({ method, url, authorization: headers.authorization });
    if (front.instead(asked, response)) return;
    const last = url.slice(url.lastIndexOf('/') + 1);
    if (front.hidden.has(last)) return void response.writeHead(404).end();
    const { authorization: _, ...rest } = headers;
    const onward = request({ hostname, port, method, path: url, headers: rest }, async (answer) => {
      let body: Buffer = await buffer(answer);
      const { 'content-length': length, 'transfer-encoding': __, ...kept } = answer.headers;
      const damage = front.damaged.get(last);
      let size = method === 'HEAD' ? Number(length) : body.length;
      if (damage && answer.statusCode === 200) {
        // A HEAD tells the size of what a GET would give.
        const whole = method === 'HEAD' ? Buffer.alloc(size) : body;
        body = damage(whole);
        size = body.length;
      }
      response.writeHead(answer.statusCode ?? 502, { ...kept, 'content-length': size });
      response.end(method === 'HEAD' ? undefined : body);
    });
    onward.on('error', () => response.writeHead(502).end());
    asked.pipe(onward);
  });
  const front: RegistryFront = {
    host: '',
    seen: [],
    instead: () => false,
    damaged: new Map(),
    hidden: new Set(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  front.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return front;
}

export interface Pushed {
  digest: string;
  config: string;
  layer: string;
}

/** Puts an image of one file into a registry, as clients do (OCI distribution spec, "Pushing manifests"). */
export async function pushImage(
  host: string,
  repository: string,
  tag: string,
  content: string,
): Promise<Pushed> {
  const layers = [{ entries: [{ path: 'a', content }] }];
  const { layers: pushed, ...image } = await pushLayers(host, repository, tag, layers);
  return { ...image, layer: pushed[0] as string };
}

/** Puts an image of crafted layers into a registry, lowest first. */
export async function pushLayers(
  host: string,
  repository: string,
  tag: string,
  layers: CraftedLayer[],
  config: ImageConfig = {},
): Promise<Omit<Pushed, 'layer'> & { layers: string[] }> {
  const descriptors: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const { entries = [], tar = tarOf(entries), blob, mediaType, diffId } of layers) {
    const data = blob ?? gzipSync(tar, { level: 1 });
    descriptors.push(await pushBlob(host, repository, data, mediaType ?? MEDIA_TYPE.gzipLayer));
    diffIds.push(diffId ?? digestOf(tar));
  }
  const configuration = { ...thisPlatform(), config, rootfs: { type: 'layers', diff_ids: diffIds } };
  const body = Buffer.from(JSON.stringify(configuration));
  const pushed = await pushBlob(host, repository, body, MEDIA_TYPE.config);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: pushed,
    layers: descriptors,
  };
  const digest = await pushManifest(host, repository, tag, manifest);
  return { digest, config: pushed.digest, layers: descriptors.map((one) => one.digest) };
}

export async function pushManifest(
  host: string,
  repository: string,
  tag: string,
  manifest: { mediaType: string },
): Promise<string> {
  const body = JSON.stringify(manifest);
  const url = `http://${host}/v2/${repository}/manifests/${tag}`;
  const put = await fetch(url, { method: 'PUT', body, headers: { 'content-type': manifest.mediaType } });
  if (!put.ok) throw new Error(`The manifest was not taken: ${put.status} ${await put.text()}`);
  return digestOf(body);
}

export async function deleteFrom(host: string, repository: string, path: string): Promise<void> {
  const gone = await fetch(`http://${host}/v2/${repository}/${path}`, { method: 'DELETE' });
  if (!gone.ok) throw new Error(`Not deleted: ${gone.status} ${await gone.text()}`);
}

async function pushBlob(host: string, repository: string, data: Buffer, mediaType: string) {
  const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
  const base = `http://${host}/v2/${repository}/blobs/`;
  const begun = await fetch(`${base}uploads/`, { method: 'POST' });
  if (!begun.ok) throw new Error(`The upload was refused: ${begun.status}`);
  const url = new URL(begun.headers.get('location') ?? '', base);
  url.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  const put = await fetch(url, { method: 'PUT', body: new Uint8Array(data), headers });
  if (!put.ok) throw new Error(`The blob was not taken: ${put.status} ${await put.text()}`);
  return { mediaType, digest, size: data.length };
}
