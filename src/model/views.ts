import type { TrafficShare } from './event.ts';
import type { Instance } from './facts.ts';
import type { Noun } from './plan.ts';
import type { MonitorResult } from './record.ts';
import type { ReleaseReference } from './release.ts';

/** One release in `releases`: whether it could be rolled back to, and on what grounds. */
export interface ReleaseRow {
  release: ReleaseReference;
  /** ISO 8601, UTC. */
  deployedAt: string;
  /** Whether the platform is set to run it now. */
  current: boolean;
  /** `unknown`: too little was seen of it to say. */
  verdict: 'good' | 'bad' | 'unknown';
  /** Evidence for it, one phrase each, without a full stop. */
  for: string[];
  /** Evidence against it, one phrase each, without a full stop. */
  against: string[];
  /** The content that was deployed, by digest. `damaged`: there, but not what its digest says. */
  image: 'present' | 'missing' | 'damaged' | 'unknown';
  /** Whether the tag means other content now than when the release was deployed. */
  tagMoved: boolean;
}

/** What `status` tells of a service. */
export interface ServiceStatus {
  /** E.g. `local/shop`. */
  target: string;
  noun: Noun;
  /** The release that the platform is set to run; undefined before the first deployment. */
  current?: ReleaseReference;
  canary?: ReleaseReference;
  instances: InstanceStatus[];
  /** What a run left running out of rotation, by version and time; undefined where there is nothing. */
  warm?: WarmStatus[];
  /** How many instances shall serve. */
  desired: number;
  traffic: TrafficShare;
  /** The run that has no end yet; undefined where there is none. */
  run?: RunStatus;
  /** What watching after the last run has seen; undefined where nothing is or was watched. */
  monitor?: { runId: string; result: MonitorResult };
}

export interface WarmStatus {
  version: string;
  instances: number;
  /** ISO 8601, UTC. */
  until: string;
  /** Set where its time is over and nobody ends it by himself: the command that does. */
  end?: string;
}

export interface InstanceStatus {
  slot: number;
  /** Which of the service's parts it is of, e.g. `deployment/worker`; undefined where the service is one. */
  part?: string;
  version: string;
  state: Instance['state'];
  /** Whether new requests are sent to it. */
  inRotation: boolean;
  /** Requests and upgraded connections it is answering now; undefined where they can't be seen. */
  inFlight: number | undefined;
}

export interface RunStatus {
  runId: string;
  /** `running`: its client holds the lease. `stopped`: it stopped by itself, resumable. `lost`: its client is gone. */
  state: 'running' | 'stopped' | 'lost';
  /** E.g. `ana on build-7 (process 4711)`. */
  startedBy: string;
  /** ISO 8601, UTC. */
  startedAt: string;
  /** ISO 8601, UTC. */
  lastHeartbeat: string;
  epoch: number;
  /** What it is or was doing, e.g. `Draining traffic from current instances`. */
  step?: string;
  /** How to take over: a command, or a sentence that says when it will be possible. */
  takeOver: string;
}
