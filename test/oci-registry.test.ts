import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { registries } from '../src/adapters/registry/index.ts';
import { REF_NAME } from '../src/oci/reference.ts';
import type { ImagePart, RegistryFixture } from './contracts/registry.ts';
import { registryContract } from './contracts/registry.ts';
import { craftImage, flipBit, scratch } from './oci-fixture.ts';

registryContract('oci-layout', ociLayout);

test('a layout that is none is said in its own words, with its own way out', async () => {
  const configuration = { registry: { kind: 'oci-layout' as const, path: 'no-images' } };
  const registry = registries['oci-layout']({ configuration, configFolder: import.meta.dirname });
  const path = join(import.meta.dirname, 'no-images');
  const image = { reference: 'shop:v1', digest: `sha256:${'0'.repeat(64)}` };
  await expect(registry.lookUp(image, new AbortController().signal)).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    summary: "The image store OCI layout no-images/ can't be read",
    detail: `There is no OCI image layout in ${path}: The folder has no file "oci-layout".`,
    fix: `Set registry.path in rollback.yaml to the folder of the images, or make it: skopeo copy SOURCE oci:${path}:NAME:TAG`,
  });
});

async function ociLayout(): Promise<RegistryFixture> {
  const { dir, layout, end } = await scratch();
  const configuration = { registry: { kind: 'oci-layout' as const, path: 'images' } };
  const digestOfPart = async (digest: string, part: ImagePart) => {
    if (part === 'manifest') return digest;
    const { config, layers } = await layout.manifest(digest);
    return part === 'config' ? config.digest : (layers[0]?.digest as string);
  };
  return {
    registry: registries['oci-layout']({ configuration, configFolder: dir }),
    nameOf: (tag) => `shop:${tag}`,
    unreadable: "The image store OCI layout images/ can't be read",
    readsLayers: true,
    async push(tag, content) {
      const reference = `shop:${tag}`;
      const { digest } = await craftImage(layout, [{ entries: [{ path: 'a', content }] }], { reference });
      return { reference, digest };
    },
    async untag(tag) {
      const file = join(layout.path, 'index.json');
      const index = JSON.parse(await readFile(file, 'utf8'));
      for (const entry of index.manifests) {
        if (entry.annotations[REF_NAME] === `shop:${tag}`) delete entry.annotations;
      }
      await writeFile(file, JSON.stringify(index));
    },
    remove: async ({ digest }, part) => rm(layout.blobPath(await digestOfPart(digest, part))),
    async damage({ digest }, part, how) {
      const blob = await digestOfPart(digest, part);
      if (how === 'flip') await flipBit(layout, blob);
      else await truncate(layout.blobPath(blob), 10);
    },
    destroy: () => rm(layout.path, { recursive: true }),
    end,
  };
}
