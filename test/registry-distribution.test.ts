import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { distributionRegistry } from '../src/adapters/registry/distribution.ts';
import { registries } from '../src/adapters/registry/index.ts';
import { MEDIA_TYPE } from '../src/oci/manifest.ts';
import type { Login } from '../src/oci/registry-credentials.ts';
import type { ImagePart, RegistryFixture } from './contracts/registry.ts';
import { registryContract } from './contracts/registry.ts';
import { NEVER } from './oci-fixture.ts';
import { deleteFrom, type Pushed, pushImage, pushManifest, registryFront } from './registry-front.ts';

const REGISTRY = process.env.REGISTRY ?? '';
const LOGIN = { username: 'ana', password: 'correct horse' };

describe.skipIf(REGISTRY === '')('with a real registry in $REGISTRY', () => {
  registryContract('distribution', fixture);

  test('an index is there where every image of a machine is, and names what is missing', async () => {
    const { lookUp, repository, front } = await setUp();
    const one = await pushImage(REGISTRY, repository, 'one', 'one');
    const two = await pushImage(REGISTRY, repository, 'two', 'two');
    const child = (digest: string, platform: object) => ({
      mediaType: MEDIA_TYPE.manifest,
      digest,
      size: 1,
      platform,
    });
    const index = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.index,
      manifests: [
        child(one.digest, { os: 'linux', architecture: 'amd64' }),
        child(two.digest, { os: 'linux', architecture: 'arm64' }),
      ],
    };
    const digest = await pushManifest(REGISTRY, repository, 'v1', index);
    expect(await lookUp('v1', digest)).toMatchObject({ exists: true, tagDigest: digest });
    await deleteFrom(REGISTRY, repository, `blobs/${two.layer}`);
    expect(await lookUp('v1', digest)).toMatchObject({
      exists: false,
      tagDigest: digest,
      problem: `Blob ${two.layer} is missing.`,
    });
    await deleteFrom(REGISTRY, repository, `manifests/${two.digest}`);
    expect(await lookUp('v1', digest)).toMatchObject({ problem: `Blob ${two.digest} is missing.` });
    await front.close();
  });

  test("an image in docker's own media types", async () => {
    const { lookUp, repository, front } = await setUp();
    const { config, layer } = await pushImage(REGISTRY, repository, 'v1', 'one');
    const sizeOf = async (digest: string) => {
      const head = await fetch(`http://${REGISTRY}/v2/${repository}/blobs/${digest}`, { method: 'HEAD' });
      return Number(head.headers.get('content-length'));
    };
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        digest: config,
        size: await sizeOf(config),
      },
      layers: [
        {
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
          digest: layer,
          size: await sizeOf(layer),
        },
      ],
    };
    const digest = await pushManifest(REGISTRY, repository, 'v2', manifest);
    expect(await lookUp('v2', digest)).toMatchObject({ exists: true, tagDigest: digest });
    await front.close();
  });

  test('where the digest is not known, what the tag means now is looked at', async () => {
    const { lookUp, repository, front } = await setUp();
    const image = await pushImage(REGISTRY, repository, 'v1', 'one');
    expect(await lookUp('v1', '')).toMatchObject({ exists: true, tagDigest: image.digest });
    await deleteFrom(REGISTRY, repository, `blobs/${image.layer}`);
    expect(await lookUp('v1', '')).toMatchObject({
      exists: false,
      tagDigest: image.digest,
      problem: `Blob ${image.layer} is missing.`,
    });
    expect(await lookUp('v9', '')).toMatchObject({
      exists: false,
      tagDigest: undefined,
      problem: `The tag of ${front.host}/${repository}:v9 is gone.`,
    });
    await front.close();
  });

  test('a layer that lies in a store behind the registry is followed there, without the login', async () => {
    const { lookUp, repository, front } = await setUp(LOGIN);
    const store = await registryFront(REGISTRY);
    const image = await pushImage(REGISTRY, repository, 'v1', 'one');
    front.instead = (request, response) => {
      if (basicAuth(request, response)) return true;
      if (!request.url?.includes('/blobs/')) return false;
      response.writeHead(307, { location: `http://${store.host}${request.url}` }).end();
      return true;
    };
    expect(await lookUp('v1', image.digest)).toMatchObject({ exists: true });
    expect(store.seen).toHaveLength(2);
    expect(store.seen.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
    store.hidden.add(image.layer);
    expect(await lookUp('v1', image.digest)).toMatchObject({
      exists: false,
      problem: `Blob ${image.layer} is missing.`,
    });
    await Promise.all([front.close(), store.close()]);
  });

  describe('with a login', () => {
    test('basic: sent once the registry asks for it, and kept', async () => {
      const { lookUp, repository, front, asked } = await setUp(LOGIN);
      front.instead = basicAuth;
      const image = await pushImage(REGISTRY, repository, 'v1', 'one');
      expect(await lookUp('v1', image.digest)).toMatchObject({ exists: true });
      expect(front.seen[0]?.authorization).toBeUndefined();
      const before = front.seen.length;
      expect(await lookUp('v1', image.digest)).toMatchObject({ exists: true });
      expect(front.seen.slice(before).every(({ authorization }) => authorization === BASIC)).toBe(true);
      expect(asked).toEqual([[front.host, repository]]);
      await front.close();
    });

    test.each([
      ['basic', undefined, 'wants a login'],
      ['basic', { username: 'ana', password: 'battery staple' }, 'refused the credentials'],
      ['bearer', { username: 'ana', password: 'battery staple' }, 'refused the credentials'],
      ['bearer', undefined, 'wants a login'],
    ] as const)('%s, with %j: refused is said as such, without the secret', async (scheme, login, says) => {
      const { lookUp, repository, front } = await setUp(login);
      front.instead = scheme === 'basic' ? basicAuth : tokenAuth(front).instead;
      const image = await pushImage(REGISTRY, repository, 'v1', 'one');
      const error = await lookUp('v1', image.digest).catch((thrown) => thrown);
      expect(error).toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        summary: `The image registry ${front.host} can't be read`,
        retriable: false,
      });
      expect(error.detail).toContain(says);
      expect(error.fix).toContain(`docker login ${front.host}`);
      const all = JSON.stringify([error.message, error.fix]);
      expect(all).not.toContain('battery');
      expect(all).not.toContain(Buffer.from('ana:battery staple').toString('base64'));
      await front.close();
    });

    test('bearer: one token for all requests of a repository', async () => {
      const { lookUp, repository, front } = await setUp(LOGIN);
      const tokens = tokenAuth(front);
      front.instead = tokens.instead;
      const image = await pushImage(REGISTRY, repository, 'v1', 'one');
      expect(await lookUp('v1', image.digest)).toMatchObject({ exists: true, tagDigest: image.digest });
      expect(await lookUp('v1', image.digest)).toMatchObject({ exists: true });
      expect(tokens.given).toEqual([
        { service: 'front', scope: `repository:${repository}:pull`, authorization: BASIC },
      ]);
      await front.close();
    });

    test('bearer: a token that the registry takes no more is replaced once', async () => {
      const { lookUp, repository, front } = await setUp(LOGIN);
      const tokens = tokenAuth(front);
      front.instead = tokens.instead;
      const image = await pushImage(REGISTRY, repository, 'v1', 'one');
      await lookUp('v1', image.digest);
      tokens.forget();
      expect(await lookUp('v1', image.digest)).toMatchObject({ exists: true });
      expect(tokens.given).toHaveLength(2);
      tokens.forget();
      tokens.refuse = true;
      await expect(lookUp('v1', image.digest)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
      expect(tokens.given).toHaveLength(2);
      await front.close();
    });

    test('bearer: an identity token is traded in', async () => {
      const { lookUp, repository, front } = await setUp({ username: '<token>', password: 'identity' });
      const tokens = tokenAuth(front);
      front.instead = tokens.instead;
      const image = await pushImage(REGISTRY, repository, 'v1', 'one');
      expect(await lookUp('v1', image.digest)).toMatchObject({ exists: true });
      expect(tokens.given).toEqual([
        { service: 'front', scope: `repository:${repository}:pull`, authorization: 'refresh_token' },
      ]);
      expect(front.seen.some(({ url }) => url.includes('identity'))).toBe(false);
      await front.close();
    });

    test('a login that could not be had is a reason, not an anonymous try', async () => {
      const { repository, front } = await setUp();
      front.instead = basicAuth;
      const broken = distributionRegistry({
        plainHttp: [],
        credentials: async () => {
          throw new Error('the keychain is locked');
        },
      });
      const image = { reference: `${front.host}/${repository}:v1`, digest: '' };
      await expect(broken.lookUp(image, NEVER)).rejects.toMatchObject({
        code: 'REGISTRY_UNREACHABLE',
        detail: 'the keychain is locked.',
      });
      await front.close();
    });
  });

  test.each([
    [429, 'It lets nobody ask that often', true],
    [503, 'It answered HTTP 503', true],
    [418, 'It answered HTTP 418', false],
  ])('HTTP %i is no answer about an image', async (status, says, retriable) => {
    const { lookUp, front } = await setUp();
    front.instead = (_, response) => {
      response.writeHead(status).end();
      return true;
    };
    const error = await lookUp('v1', `sha256:${'0'.repeat(64)}`).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'REGISTRY_UNREACHABLE', retriable });
    expect(error.detail).toContain(says);
    await front.close();
  });
});

test('a registry elsewhere is spoken to with TLS unless it is named', async () => {
  const context = (plainHttp: string[]) => ({
    configuration: { registry: { kind: 'distribution' as const, plainHttp } },
    configFolder: '.',
    credentials: async () => undefined,
  });
  const front = await registryFront(REGISTRY || '127.0.0.1:1');
  front.instead = (_, response) => {
    response.writeHead(404).end();
    return true;
  };
  // 0.0.0.0 is this machine, and not by its name.
  const host = front.host.replace('127.0.0.1', '0.0.0.0');
  const image = { reference: `${host}/shop:v1`, digest: '' };
  await expect(registries.distribution(context([])).lookUp(image, NEVER)).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    summary: `The image registry ${host} can't be read`,
    retriable: true,
  });
  expect(front.seen).toEqual([]);
  expect(await registries.distribution(context([host])).lookUp(image, NEVER)).toMatchObject({
    exists: false,
  });
  await front.close();
});

const BASIC = `Basic ${Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64')}`;

type Instead = Awaited<ReturnType<typeof registryFront>>['instead'];

const basicAuth: Instead = ({ headers }, response) => {
  if (headers.authorization === BASIC) return false;
  response.writeHead(401, { 'www-authenticate': 'Basic realm="front"' }).end();
  return true;
};

/** Token authentication as registries do it: the login goes to `/token`, and only the token to the registry. */
function tokenAuth(front: { host: string }) {
  const valid = new Set<string>();
  const auth = {
    given: [] as { service: string | null; scope: string | null; authorization: string | undefined }[],
    refuse: false,
    forget: () => valid.clear(),
    instead: ((request, response) => {
      const url = new URL(request.url ?? '', 'http://front');
      const { authorization } = request.headers;
      const give = (asked: URLSearchParams, by: string | undefined) => {
        const token = randomBytes(8).toString('hex');
        valid.add(token);
        auth.given.push({ service: asked.get('service'), scope: asked.get('scope'), authorization: by });
        response.end(JSON.stringify({ access_token: token, expires_in: 300 }));
      };
      if (url.pathname === '/token') {
        if (request.method === 'POST') {
          let body = '';
          request.on('data', (chunk) => {
            body += chunk;
          });
          request.on('end', () => {
            const form = new URLSearchParams(body);
            if (form.get('refresh_token') === 'identity') give(form, form.get('grant_type') ?? undefined);
            else response.writeHead(401).end();
          });
          return true;
        }
        if (authorization === undefined) {
          // As the Docker Hub: a token for nobody, which opens nothing private.
          response.end(JSON.stringify({ token: 'anonymous' }));
          return true;
        }
        if (authorization === BASIC && !auth.refuse) give(url.searchParams, authorization);
        else response.writeHead(401).end();
        return true;
      }
      if (authorization?.startsWith('Bearer ') && valid.has(authorization.slice(7))) return false;
      const repository = /^\/v2\/(.*)\/(manifests|blobs)\//.exec(url.pathname)?.[1];
      const challenge = `Bearer realm="http://${front.host}/token",service="front",scope="repository:${repository}:pull"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return true;
    }) as Instead,
  };
  return auth;
}

async function setUp(login?: Login) {
  const front = await registryFront(REGISTRY);
  const repository = `rollback-test/${randomBytes(4).toString('hex')}`;
  const asked: [string, string | undefined][] = [];
  const registry = distributionRegistry({
    plainHttp: [],
    credentials: async (host, _, path) => {
      asked.push([host, path]);
      return login;
    },
  });
  const lookUp = (tag: string, digest: string) =>
    registry.lookUp({ reference: `${front.host}/${repository}:${tag}`, digest }, NEVER);
  return { front, repository, registry, lookUp, asked };
}

async function fixture(): Promise<RegistryFixture> {
  const { front, repository, registry } = await setUp();
  const pushed = new Map<string, Pushed>();
  const digestOfPart = (digest: string, part: ImagePart) => {
    const image = pushed.get(digest) as Pushed;
    return part === 'manifest' ? digest : image[part];
  };
  let closed = false;
  const close = async () => {
    if (!closed) await front.close();
    closed = true;
  };
  return {
    registry,
    nameOf: (tag) => `${front.host}/${repository}:${tag}`,
    unreadable: `The image registry ${front.host} can't be read`,
    readsLayers: false,
    async push(tag, content) {
      const image = await pushImage(REGISTRY, repository, tag, content);
      for (const part of [image.digest, image.config, image.layer]) front.damaged.delete(part);
      pushed.set(image.digest, image);
      return { reference: `${front.host}/${repository}:${tag}`, digest: image.digest };
    },
    async untag(tag) {
      front.hidden.add(tag);
    },
    async remove({ digest }, part) {
      const path = part === 'manifest' ? 'manifests' : 'blobs';
      await deleteFrom(REGISTRY, repository, `${path}/${digestOfPart(digest, part)}`);
    },
    async damage({ digest }, part, how) {
      front.damaged.set(digestOfPart(digest, part), (body) => {
        if (how === 'cut') return body.subarray(0, 10);
        const other = Buffer.from(body);
        const middle = other.length >> 1;
        other[middle] = (other[middle] as number) ^ 1;
        return other;
      });
    },
    destroy: close,
    end: close,
  };
}
