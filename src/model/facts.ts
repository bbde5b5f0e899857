import type { Finding } from './finding.ts';
import type { Noun } from './plan.ts';
import type { Migration, Release } from './release.ts';

/**
 * `starting`: not yet healthy. `ready`: passes its probe. `unready`: runs, and fails it. `draining`: out of rotation,
 * requests in flight. `drained`: out of rotation, none in flight. `crashed`: exited unasked.
 */
export type InstanceState = 'starting' | 'ready' | 'unready' | 'draining' | 'drained' | 'crashed';

/** One copy of a release. Instances are planned by slot (1..n); real names change when one is replaced. */
export interface Instance {
  /** The platform's own name for it. */
  id: string;
  slot: number;
  /** Release id. */
  release: string;
  state: InstanceState;
  /** Whether new requests are sent to it. */
  inRotation: boolean;
  /** Requests and upgraded connections it is answering now. */
  inFlight: number;
  /** ISO 8601: until when it is kept warm though out of rotation; undefined where it is not. */
  warmUntil: string | undefined;
}

/** What a platform says of a service, at one moment. */
export interface PlatformFacts {
  service: string;
  /** Kind of platform, e.g. `local`. */
  platform: string;
  /** Printed to people, e.g. `local/shop`. */
  target: string;
  noun: Noun;
  /** The release that the platform is set to run; undefined before the first deployment. */
  current: string | undefined;
  /** A release that takes part of the traffic as a canary beside `current`; undefined where there is none. */
  canary: string | undefined;
  /** Newest first. */
  releases: Release[];
  instances: Instance[];
  /** How many instances shall serve. */
  desired: number;
}

/** Serves: in rotation and ready. Only these count as capacity. */
export function serves(instance: Instance): boolean {
  return instance.inRotation && instance.state === 'ready';
}

/** What a registry says of an image reference. */
export interface ImageFacts {
  reference: string;
  /** Whether the content that was deployed (by digest) is there and whole. */
  exists: boolean;
  /** What the tag points at now; undefined where the tag is gone. */
  tagDigest: string | undefined;
  /** What is missing or damaged, in full sentences; undefined where nothing is or it was not told. */
  problem?: string | undefined;
}

/** What a database says; undefined lists are unknown. */
export interface DatabaseFacts {
  /** E.g. `sqlite data/shop.db`. */
  name: string;
  engine: 'sqlite' | 'postgresql' | 'mysql';
  /** Versions in the live history table, oldest first; undefined where there is no history to read. */
  applied: string[] | undefined;
  /** Bytes on disk, for the estimate. */
  sizeBytes: number;
  /** How long writers may have to wait while a backup is read, ms; 0 where they don't wait. */
  backupBlocksWritersMs: number;
}

/** What today's configuration sources say, to be compared with the target's snapshot. */
export interface ConfigurationFacts {
  environment: Record<string, string>;
  /** Fingerprint by secret name; undefined where the source can't be read now. */
  secrets: Record<string, { source: string; fingerprint: string | undefined }>;
  /** SHA-256 by path; undefined where the file is gone. */
  files: Record<string, string | undefined>;
}

/** Traffic of one release in one window of time, measured where it passes (proxy, mesh, ingress), never by our own probes. */
export interface TrafficWindow {
  release: string;
  /** ms since the epoch. */
  sinceMs: number;
  untilMs: number;
  requests: number;
  errors: number;
  /** undefined where there was no request. */
  p50Ms: number | undefined;
  p95Ms: number | undefined;
}

/**
 * How one fact was had: the value, or why it could not be, and what to do about that where it is known. A deadline that
 * passed is a reason too.
 */
export type Known<T> = { known: true; value: T } | { known: false; why: string; fix?: string | undefined };

/** All that a plan is built from. Gathered by reading only. */
export interface Facts {
  platform: PlatformFacts;
  /** Of the target; keyed by release id. */
  images: Record<string, Known<ImageFacts>>;
  /** undefined where no database is configured. */
  database: Known<DatabaseFacts> | undefined;
  configuration: Known<ConfigurationFacts>;
  /** Recent traffic of the current release (and of the canary); by release id. */
  recentTraffic: Record<string, Known<TrafficWindow>>;
  /** Digests of releases that an earlier run went back from, with that run's id. */
  rolledBackFrom: Record<string, string>;
  /** What the platform itself refuses or warns of. */
  preflight: Finding[];
}

/** Migrations in the live database that the target release does not ship. SQL comes from the newer releases. */
export interface MigrationSpan {
  /** In the order in which they were applied. */
  migrations: Migration[];
  /** Applied versions whose SQL no known release ships. */
  unknownVersions: string[];
}
