/** Where a release's container image is: the name it was deployed by, and the content that name meant then. */
export interface ImageReference {
  /** As typed at deploy time, e.g. `shop:v2.14.3`. */
  reference: string;
  /** `sha256:` and 64 hex digits of the image manifest (OCI image spec, "Digests"); empty where it is not known. */
  digest: string;
}

/** One configuration file as it was when the release was deployed. */
export interface ConfigurationFile {
  /** Path below the instance's working directory, `/`-separated. */
  path: string;
  /** SHA-256 of the content, hex. */
  sha256: string;
  /** The content, base64. Files hold configuration, never secrets. */
  content: string;
  /** POSIX permission bits, e.g. 0o644. */
  mode: number;
}

/** A secret is known by where it comes from and by a fingerprint, never by its value. */
export interface SecretReference {
  /** `env:NAME` or `file:PATH`. */
  source: string;
  /** HMAC-SHA-256 of the value under a key that stays on the machine, hex; undefined where it could not be read. */
  fingerprint: string | undefined;
}

/** What a release was configured with, taken when it was deployed. */
export interface ConfigurationSnapshot {
  environment: Record<string, string>;
  secrets: Record<string, SecretReference>;
  files: ConfigurationFile[];
}

/** A migration that a release carries in its image. */
export interface Migration {
  /** The identity the history table stores, e.g. `20260301120000`. */
  version: string;
  name: string;
  /** Path in the image, for messages. */
  file: string;
  /** SQL that applies it. */
  up: string;
  /** SQL that reverses it; undefined where there is none. */
  down: string | undefined;
  /** Whether the tool runs it in a transaction, as far as the file says. Default true. */
  transaction?: boolean;
  /**
   * What the history may hold as the file's checksum, each of them right. Left out where the tool's history has none, or
   * where it can't be told from the file.
   */
  checksums?: string[];
  /** Whether the tool runs it anew whenever it was changed. Default false. */
  repeatable?: boolean;
  /** Versions that it builds on, where the tool orders by that; left out elsewhere. */
  after?: string[];
  /** Why its SQL is not known, a sentence; `up` is empty then, and its verdict unknown. Left out where it is known. */
  opaque?: string;
}

/** Latency as counts per bucket, so that windows and instances can be added up. Bounds are `HISTOGRAM_BOUNDS_MS`. */
export interface LatencyHistogram {
  /** One count per bound, and one more for everything slower. */
  counts: number[];
}

/** What was seen of a release while it served. Counts add up over all its times in service. */
export interface ServiceEvidence {
  /** Time in service, ms. */
  servedMs: number;
  requests: number;
  /** Responses with status 5xx, and requests that the proxy could not hand over. */
  errors: number;
  latency: LatencyHistogram;
  /** Readiness probes passed and failed while in rotation. */
  probesPassed: number;
  probesFailed: number;
  /** Instances that exited without being asked to. */
  crashes: number;
  /** Start until healthy, ms, the slowest seen; undefined where never seen. */
  startMs: number | undefined;
}

/** A version as it was deployed once. The same tag deployed again is another release. */
export interface Release {
  /** Unique within the service and ordered by deployment, e.g. `r4`. */
  id: string;
  /** The tag, e.g. `v2.14.3`. */
  version: string;
  image: ImageReference;
  /** ISO 8601, UTC. */
  deployedAt: string;
  deployedBy: string;
  configuration: ConfigurationSnapshot;
  /** Migrations shipped in the image; undefined where that is unknown. */
  migrations: Migration[] | undefined;
  /**
   * For platforms that count no requests: whether it once ran in full number; undefined where that was not seen. Others
   * leave it out.
   */
  wasAvailable?: boolean | undefined;
  evidence: ServiceEvidence;
}

/** What a plan says about a release: enough to name and to compare it. */
export interface ReleaseReference {
  id: string;
  version: string;
  digest: string;
}

export function referenceTo(release: Release): ReleaseReference {
  return { id: release.id, version: release.version, digest: release.image.digest };
}
