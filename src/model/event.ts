import type { PlatformFacts } from './facts.ts';
import type { JournalEntry } from './journal.ts';

/** Instances that serve, by version, and what is still being answered by instances out of rotation. */
export interface TrafficShare {
  serving: { version: string; instances: number }[];
  /** Requests in flight on instances out of rotation. */
  draining: number;
}

/**
 * What a command tells while it works. Entries are durable before they are told, so that nothing is shown as done that
 * a crash could take back; the rest is for people only.
 */
export type RunEvent =
  /** What is about to be looked at or moved; told first. */
  | { type: 'target'; target: string; instances: number; noun: PlatformFacts['noun'] }
  | { type: 'entry'; entry: JournalEntry }
  | { type: 'progress'; step: string; message: string; inFlight: number | undefined }
  | { type: 'traffic'; traffic: TrafficShare }
  /** Anything else worth a line on stderr, e.g. that a call is tried again, or what Ctrl-C will do. */
  | { type: 'notice'; message: string };

export type EventSink = (event: RunEvent) => void;
