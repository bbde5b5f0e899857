import type { Finding } from './finding.ts';
import type { HistoryEntry, HistoryRow } from './migration-history.ts';
import type { Noun, PlannedStep, Strategy } from './plan.ts';
import type { Migration, Release } from './release.ts';
import type { RestorePointOutlook } from './restore-point.ts';

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
  /** Requests and upgraded connections it is answering now; undefined where the platform can't see them. */
  inFlight: number | undefined;
  /** ISO 8601: until when it is kept warm though out of rotation; undefined where it is not. */
  warmUntil: string | undefined;
  /** Which of the service's parts it is of. Default: the service is one. */
  part?: string;
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
  /**
   * Whether a new instance may run beside the ones it replaces. Where it may not (a StatefulSet's pod, what must not run
   * twice), the old one ends first and capacity falls meanwhile.
   */
  surge: boolean;
  /** How many instances there is room for beside those that run; left out where that is not known. */
  beside?: number;
  /** Without surge: every old instance ends before the first new one starts, whatever the batch. Default false. */
  allAtOnce?: boolean;
  /** Each part for itself where several make the service, in the order in which they go back. Default: it is one. */
  parts?: PartFacts[];
  /** Whether all parts go back at the same time. Default false: one after the other. */
  together?: boolean;
  /**
   * Strategies that fit where the platform's own objects leave no other (an Argo Rollout's strategy), the one for now
   * first. Default: all, rolling first.
   */
  strategies?: readonly Strategy[] | undefined;
  /** What the platform itself needs to expand moves; nobody else reads it. */
  own?: unknown;
}

/** One of several parts of a service, e.g. a workload, as if it were all of it: slots and release ids are its own. */
export interface PartFacts
  extends Pick<PlatformFacts, 'current' | 'releases' | 'instances' | 'desired' | 'surge' | 'allAtOnce'> {
  /** Printed to people, e.g. `deployment/worker`. */
  name: string;
  /** Its own id of what it runs in a release of the service, by release id; one that it never ran is not named. */
  ids: Record<string, string>;
}

/** As `warmUntil`: out of rotation until somebody ends it; no run left it. */
export const NO_END = '9999-12-31T23:59:59.000Z';

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
  /** Of the server, as it says itself, e.g. `15.18` or `10.11.19-MariaDB`; undefined where there is no server. */
  version?: string;
  /** Versions in the live history table, oldest first; undefined where there is no history to read. */
  applied: string[] | undefined;
  /** Rows of the history table as the tool's query gives them; left out where there is none, or none was given. */
  historyRows?: HistoryRow[];
  /** What those rows say, of the tool that wrote them, e.g. `Flyway`; left out where there are none. */
  history?: { tool: string; entries: HistoryEntry[] };
  /** Bytes on disk, for the estimate. */
  sizeBytes: number;
  /** How long writers may have to wait while a backup is read, ms; 0 where they don't wait. */
  backupBlocksWritersMs: number;
  /** Undefined where nothing is known of how long one takes. */
  backup?: BackupOutlook | undefined;
  /** Left out where no backup tool archives this database, as far as is known. */
  restorePoint?: RestorePointOutlook;
}

/** What a backup would be, as far as it is known before it is taken. */
export interface BackupOutlook {
  /** Taking and proving it, ms: as long as the last one, else by the size. */
  estimateMs: number;
  /** The newest that was restored and compared; `takenAt` is ISO 8601, UTC. */
  proven?: { name: string; takenAt: string } | undefined;
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
  /** Why the migrations of releases that were recorded without could not be read either; by release id. */
  unreadMigrations?: Record<string, { why: string; fix?: string | undefined }>;
  configuration: Known<ConfigurationFacts>;
  /** Recent traffic of the current release (and of the canary); by release id. */
  recentTraffic: Record<string, Known<TrafficWindow>>;
  /** Digests of releases that an earlier run went back from, with that run's id. */
  rolledBackFrom: Record<string, string>;
  /** What the platform itself refuses or warns of. */
  preflight: Finding[];
  /** What the platform says of the target's configuration, where it knows better than the shared check. */
  configurationFindings?: Finding[] | undefined;
  /** What the platform proves before it moves anything. */
  prove?: PlannedStep[] | undefined;
}

/** Migrations in the live database that the target release does not ship. SQL comes from the newer releases. */
export interface MigrationSpan {
  /** In the order in which they were applied. */
  migrations: Migration[];
  /** Applied versions whose SQL no known release ships. */
  unknownVersions: string[];
}
