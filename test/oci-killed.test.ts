import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unpackImage } from '../src/oci/unpack-image.ts';
import { craftImage, NEVER, scratch } from './oci-fixture.ts';
import { bundle } from './store/bundle.ts';

let tools: string;
let worker: string;
beforeAll(async () => {
  tools = await mkdtemp(join(tmpdir(), 'rda-oci-worker-'));
  worker = await bundle('test/oci-killed-worker.ts', tools);
});
afterAll(() => rm(tools, { recursive: true, force: true }));

const FOLDERS = Array.from({ length: 10 }, (_, i) => `d${i}`);

test.each([
  ['half way', 'nothing'],
  ['before the rename', 'nothing'],
  ['after the rename', 'all'],
])('killed %s, %s is there; the next unpacking finishes', async (moment, there) => {
  const { dir, layout, end } = await scratch();
  try {
    const entries = FOLDERS.map((path) => ({ path: `${path}/`, type: 'Directory' }));
    const { digest } = await craftImage(layout, [{ entries }]);
    const into = join(dir, 'rootfs');
    const child = spawn(process.execPath, [worker, layout.path, digest, into, moment], { stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);

    const left = (await readdir(dir)).filter((name) => name !== 'images');
    if (there === 'all') {
      expect(left).toEqual(['rootfs']);
      expect((await readdir(into)).sort()).toEqual(FOLDERS);
      return;
    }
    expect(left).toEqual([expect.stringMatching(new RegExp(`^rootfs\\.tmp-${child.pid}-`))]);
    await unpackImage(layout, digest, into, NEVER);
    expect((await readdir(dir)).sort()).toEqual(['images', 'rootfs']);
    expect((await readdir(into)).sort()).toEqual(FOLDERS);
  } finally {
    await end();
  }
});
