import { imageInvalid } from './image-error.ts';

/** Points at a blob (OCI image spec 1.1, "Descriptor"). */
export interface Descriptor {
  mediaType: string;
  /** `sha256:` and 64 hex digits. */
  digest: string;
  /** Bytes. */
  size: number;
  annotations?: Record<string, string>;
  /** Which machines it is for; set in an index. */
  platform?: ImagePlatform;
}

export interface ImagePlatform {
  /** Go's GOOS, e.g. `linux`. */
  os: string;
  /** Go's GOARCH, e.g. `amd64`. */
  architecture: string;
}

/** One image for several machines, and the content of index.json ("Image Index"). */
export interface ImageIndex {
  schemaVersion: 2;
  mediaType?: string;
  manifests: Descriptor[];
  annotations?: Record<string, string>;
}

/** One image for one machine ("Image Manifest"). */
export interface ImageManifest {
  schemaVersion: 2;
  mediaType?: string;
  config: Descriptor;
  /** Lowest first. */
  layers: Descriptor[];
}

/** How an image is run ("Image Configuration", `config`). */
export interface ImageConfig {
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  /** `NAME=value`. */
  Env?: string[] | null;
  WorkingDir?: string;
  Labels?: Record<string, string> | null;
}

/** The whole configuration blob ("Image Configuration"). */
export interface ImageConfiguration extends ImagePlatform {
  config?: ImageConfig;
  rootfs: {
    type: 'layers';
    /** Digest of each uncompressed layer, lowest first. */
    diff_ids: string[];
  };
}

export const MEDIA_TYPE = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  gzipLayer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/** Manifests and configurations above it are refused; registries do so too (OCI distribution spec, "Pushing Manifests"). */
export const LARGEST_DOCUMENT = 4 * 1024 * 1024;

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const INDEX_TYPES = new Set<string>([
  MEDIA_TYPE.index,
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const MANIFEST_TYPES = new Set<string>([
  MEDIA_TYPE.manifest,
  'application/vnd.docker.distribution.manifest.v2+json',
]);

/** Whether it is a digest that this product can check: SHA-256. Only such a text may become part of a path. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && DIGEST.test(text);
}

/** Reads an index or a manifest. @throws RollbackError `IMAGE_INVALID` */
export function parseManifest(
  text: string,
  digest: string,
): { index: ImageIndex } | { manifest: ImageManifest } {
  const value = parseJson(text, digest) as Partial<ImageIndex & ImageManifest>;
  if (value.schemaVersion !== 2) throw imageInvalid(digest, 'Its schemaVersion is not 2.');
  const { mediaType } = value;
  if (mediaType === undefined ? Array.isArray(value.manifests) : INDEX_TYPES.has(mediaType)) {
    return { index: checkIndex(value, digest) };
  }
  if (mediaType !== undefined && !MANIFEST_TYPES.has(mediaType)) {
    throw imageInvalid(digest, `Its media type ${mediaType} is not one of an image.`);
  }
  if (!isDescriptor(value.config) || !Array.isArray(value.layers) || !value.layers.every(isDescriptor)) {
    throw imageInvalid(digest, 'Its manifest has no valid config and layers.');
  }
  return { manifest: value as ImageManifest };
}

/** @throws RollbackError `IMAGE_INVALID` */
export function parseConfiguration(text: string, digest: string): ImageConfiguration {
  const value = parseJson(text, digest) as Partial<ImageConfiguration>;
  const diffIds = value.rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest)) {
    throw imageInvalid(digest, 'Its configuration has no valid rootfs.diff_ids.');
  }
  return value as ImageConfiguration;
}

/** The tag's entries of index.json. @throws RollbackError `IMAGE_INVALID` */
export function checkIndex(value: Partial<ImageIndex>, what: string): ImageIndex {
  if (!Array.isArray(value.manifests) || !value.manifests.every(isDescriptor)) {
    throw imageInvalid(what, 'Its index has no valid list of manifests.');
  }
  return value as ImageIndex;
}

function isDescriptor(value: unknown): value is Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Descriptor>;
  return typeof mediaType === 'string' && isDigest(digest) && Number.isSafeInteger(size) && Number(size) >= 0;
}

function parseJson(text: string, digest: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw imageInvalid(digest, `It is not JSON: ${(error as Error).message}.`);
  }
  if (typeof value !== 'object' || value === null) throw imageInvalid(digest, 'It is not a JSON object.');
  return value;
}
