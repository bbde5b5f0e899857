import type { ImageConfig } from './rootfs.ts';

/** Unpacks an image of an OCI layout folder, every digest verified; see src/oci. */
export async function unpackFrom(
  images: string,
  digest: string,
  into: string,
  signal: AbortSignal,
): Promise<ImageConfig> {
  const [{ openLayout }, { unpackImage }] = await Promise.all([
    import('../../../oci/image-layout.ts'),
    import('../../../oci/unpack-image.ts'),
  ]);
  const { config } = await unpackImage(await openLayout(images), digest, into, signal);
  return config;
}
