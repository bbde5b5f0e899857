import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { revertPatch } from '../src/adapters/platform/kubernetes/owners/revert-patch.ts';
import { NEVER } from './oci-fixture.ts';

const manifest = (tag: string, replicas = 3) => `kind: Deployment
spec:
  replicas: ${replicas}
  template: { spec: { containers: [{ name: app, image: "registry.example.com/shop/api:${tag}" }] } }
`;
const kustomization = (tag: string) =>
  `images:\n  - name: registry.example.com/shop/api\n    newTag: ${tag}\n`;
const IMAGE = 'registry.example.com/shop/api:v2.14.3';

describe('the way back in git, of a real repository', () => {
  let folder: string;
  let commit: string;
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).trim();
  const read = (file: string) => readFile(join(folder, file), 'utf8');
  const commits = async (message: string, files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    git('add', '.');
    git('commit', '--quiet', '--message', message);
  };
  const patchOf = (path: string, more: object = {}) =>
    revertPatch({ clone: folder, commit, path, image: IMAGE, ...more }, NEVER);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rda-revert-'));
    git('init', '--quiet', '--initial-branch', 'main');
    git('config', 'user.name', 'Ann');
    git('config', 'user.email', 'ann@example.com');
    for (const name of ['plain', 'overlay', 'other']) await mkdir(join(folder, name));
    await commits('the first', {
      'plain/api.yaml': manifest('v2.14.3', 2),
      'overlay/kustomization.yaml': kustomization('v2.14.3'),
      'other/notes.txt': 'one\n',
    });
    await commits('the good one', { 'plain/api.yaml': manifest('v2.14.3') });
    await commits('a candidate', { 'plain/api.yaml': manifest('v2.14.3-rc') });
    await commits('the bad one', {
      'plain/api.yaml': manifest('v2.14.4'),
      'overlay/kustomization.yaml': kustomization('v2.14.4'),
      'other/notes.txt': 'two\n',
    });
    commit = git('rev-parse', 'HEAD');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['manifests', './plain', 'plain/api.yaml', manifest('v2.14.3')],
    [
      'an overlay that only names the tag',
      'overlay/',
      'overlay/kustomization.yaml',
      kustomization('v2.14.3'),
    ],
  ])(
    'takes %s to the newest state that names the target, and nothing else',
    async (_, path, file, content) => {
      const patch = (await patchOf(path)) ?? '';
      await writeFile(join(folder, '.git', 'rollback.patch'), patch);
      git('apply', '--check', join('.git', 'rollback.patch'));
      expect(git('status', '--porcelain')).toBe('');
      git('am', '--quiet', join('.git', 'rollback.patch'));
      expect(await read(file)).toBe(content);
      expect(git('diff', '--name-only', commit, 'HEAD')).toBe(file);
      expect(git('log', '-1', '--format=%s (%cn)')).toMatch(/^Revert \S+ to [0-9a-f]{12} \(Ann\)$/);
      git('reset', '--quiet', '--hard', commit);
    },
  );

  it('makes none where git has the target, never named it, or is not there', async () => {
    expect(await patchOf('plain', { image: 'registry.example.com/shop/api:v2.14.4' })).toBeUndefined();
    expect(await patchOf('plain', { image: 'registry.example.com/shop/api:v1.0.0' })).toBeUndefined();
    expect(await patchOf('plain', { commit: 'a'.repeat(40) })).toBeUndefined();
    expect(await patchOf('plain', { clone: tmpdir() })).toBeUndefined();
  });
});
