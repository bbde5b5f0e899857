import type { InstanceState } from '../../../model/facts.ts';
import type { Release } from '../../../model/release.ts';
import type { DrainRecord } from './platform-state.ts';
import type { LostRequests } from './proxy-api.ts';

/** Name of the supervisor's socket in the service's folder; see `socketPath`. Mode 0600. */
export const SUPERVISOR_SOCKET = 'supervisor.sock';

/** One instance as the supervisor tells of it. */
export interface InstanceView {
  id: string;
  slot: number;
  release: string;
  state: InstanceState | 'stopping';
  inRotation: boolean;
  inFlight: number;
  port: number;
  pid?: number;
  restarts: number;
  drain?: DrainRecord;
  warmUntilMs?: number;
  /** What the last probe said, e.g. `503 Service Unavailable`; undefined before the first. */
  lastProbe?: string;
}

/** What the proxy was seen to do, at the moment of the answer. */
export interface ProxyView {
  pid: number;
  host: string;
  port: number;
  /** Requests that found nothing in rotation. */
  noBackend: number;
  lost: LostRequests;
}

/** Answer of `GET /state`. */
export interface SupervisorState {
  service: string;
  pid: number;
  processStart: string;
  current?: string;
  canary?: string;
  desired: number;
  epoch: number;
  /** Ids, oldest first. */
  releases: string[];
  /** Id that the next release must have. */
  nextRelease: string;
  instances: InstanceView[];
  /** undefined where it does not answer, or has not taken the routes over yet: then `inFlight` is not known. */
  proxy?: ProxyView;
  /** Sentences: what keeps the proxy or an instance from running. */
  problems: string[];
}

/** Answer of `GET /facts`. */
export interface SupervisorFacts {
  state: SupervisorState;
  /** Newest first, with the evidence up to now. */
  releases: Release[];
}

/** Part of every changing call. */
export interface Fenced {
  /** Of the lease; lower than the highest seen is refused with `STALE_EPOCH`. */
  epoch: number;
  /** What must hold, else the call is refused with `PRECONDITION`. */
  expect?: { current?: string | null };
}

export interface StartRequest extends Fenced {
  id: string;
  slot: number;
  release: string;
  /** Values by variable name; kept in memory only. */
  secrets?: Record<string, string>;
}

export interface InstanceRequest extends Fenced {
  id: string;
}

export interface StopRequest extends InstanceRequest {
  /** Cut off what is still in flight once the drain time is over. */
  force?: boolean;
}

export interface SwitchRequest extends Fenced {
  /** Instances that serve from now on; all others are taken out of rotation. */
  in: string[];
}

export interface KeepWarmRequest extends InstanceRequest {
  /** ms since the epoch. */
  untilMs: number;
}

export interface CurrentRequest extends Fenced {
  release: string | null;
  canary: string | null;
}

export interface ReleaseRequest extends Fenced {
  release: Release;
}

/** Forgets a release that never came to serve. */
export interface ForgetReleaseRequest extends Fenced {
  id: string;
}

export interface MonitorRequest {
  runId: string;
  configPath: string;
}

/** What the supervisor answers with where it refuses or fails. */
export interface SupervisorRefusal {
  code: string;
  summary: string;
  detail?: string;
  fix?: string;
  retriable?: boolean;
}
