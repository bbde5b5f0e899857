import type { Adapters } from '../adapters/adapters.ts';
import type { KubernetesPlace } from '../compose-kubernetes.ts';
import type { ServiceConfiguration } from '../config/schema.ts';
import type { StepRegistry } from '../engine/step.ts';
import type { Clock } from '../model/clock.ts';
import type { ExitCode, RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import type { Holder } from '../model/journal.ts';
import type { Plan, Strategy } from '../model/plan.ts';
import type { RunRecord } from '../model/record.ts';

/** What every command works with; made by the front door from arguments, configuration and `compose`. */
export interface CommandContext {
  serviceName: string;
  configuration: ServiceConfiguration;
  /** Absolute; undefined where the service was named on the command line alone. */
  configPath: string | undefined;
  /** Where relative paths of the configuration start, absolute. */
  configFolder: string;
  /** The state folder, absolute; undefined where the state is kept in the cluster. */
  statePath: string | undefined;
  adapters: Adapters;
  steps: StepRegistry;
  /** Where the workloads are; undefined where the service does not run on Kubernetes. */
  kubernetes?: KubernetesPlace;
  clock: Clock;
  holder: Holder;
  emit: EventSink;
  stop: StopSignals;
  /** Asks before anything is moved; true is consent. On no terminal it applies the rules of `--version` and `--yes`. */
  consent(question: ConsentQuestion): Promise<Consent>;
  renderRecord(record: RunRecord): string;
}

export interface StopSignals {
  /** Stop at the next safe point, on a good end. The first Ctrl-C. */
  requested: AbortSignal;
  /** Leave at once; the run stays resumable. The second Ctrl-C. */
  immediate: AbortSignal;
}

/** What is about to happen, for the question. */
export interface ConsentQuestion {
  plan: Plan;
  /** Moves that may lose data, a sentence each; they need more than a typed version. */
  mayLose: string[];
}

export type Consent = { given: true; reason: string | undefined } | { given: false };

export interface RollbackOptions {
  /** A tag, or `previous` for the last known good release. */
  version: string;
  /** undefined for the platform's own, else rolling. */
  strategy: Strategy | undefined;
  backup: boolean;
  /** How the backup is proven (`--backup-verify`). Default: as configured. */
  backupVerify?: 'full' | 'read' | 'none' | undefined;
  timeoutS: number;
  reason: string | undefined;
  /** Names of waived checks. */
  accept: string[];
  /** Run the downs of the current release first. Default false. */
  reverseMigrations?: boolean;
  monitorS: number;
  /** Pods that a rolling rollback moves at once (`--batch`). Default: as configured. */
  batch?: number | undefined;
  /** Secrets that go back with the release, configured and typed. */
  restoreSecrets: string[];
}

/** What a command leaves: the exit code, the document for `--output json`, and the command to run next. */
export interface CommandOutcome {
  exit: ExitCode;
  runId?: string;
  json: unknown;
  next?: string;
  /** Set where it did not go as asked: printed after the report. */
  error?: RollbackError;
}
