import { describe, expect, test } from 'vitest';
import { parseImageName } from '../src/adapters/registry/distribution/image-name.ts';
import { challengeOf } from '../src/adapters/registry/distribution/log-in.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('names of images', () => {
  test.each([
    ['nginx', 'docker.io', 'library/nginx', 'latest', undefined],
    ['nginx:1.27', 'docker.io', 'library/nginx', '1.27', undefined],
    ['docker.io/nginx', 'docker.io', 'library/nginx', 'latest', undefined],
    ['index.docker.io/team/api:v1', 'docker.io', 'team/api', 'v1', undefined],
    ['team/api', 'docker.io', 'team/api', 'latest', undefined],
    ['localhost/api:v1', 'localhost', 'api', 'v1', undefined],
    ['127.0.0.1:5001/api:v1', '127.0.0.1:5001', 'api', 'v1', undefined],
    ['ghcr.io/a/b/c:v1', 'ghcr.io', 'a/b/c', 'v1', undefined],
    [`ghcr.io/a/b@${DIGEST}`, 'ghcr.io', 'a/b', undefined, DIGEST],
    [`ghcr.io/a/b:v1@${DIGEST}`, 'ghcr.io', 'a/b', 'v1', DIGEST],
  ])('%s', (name, host, repository, tag, digest) => {
    expect(parseImageName(name)).toEqual({ host, repository, tag, digest });
  });

  test.each([
    '',
    'ghcr.io/',
    'ghcr.io/../x',
    'ghcr.io/a?b',
    'ghcr.io/a@sha256:12',
    'a.b/c:-',
    'ghcr.io/a#b',
    'user:pass@host/a',
  ])('not %j', (name) => {
    expect(() => parseImageName(name)).toThrow(/can't be looked up/);
  });
});

test('challenges', () => {
  expect(challengeOf('Basic realm="x"')).toEqual({ scheme: 'basic' });
  expect(
    challengeOf('Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:pull,push"'),
  ).toEqual({
    scheme: 'bearer',
    realm: 'https://auth.example.com/token',
    service: 'r',
    scope: 'repository:a/b:pull,push',
  });
  expect(challengeOf('Negotiate')).toBeUndefined();
  expect(challengeOf(null)).toBeUndefined();
});
