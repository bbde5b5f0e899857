/**
 * What a strategy asks of a platform, in the platform's own words. A move names releases and slots, never real
 * instances. `PlatformMoves.expand` says how it is done there.
 */
export type Move = MoveOrder & MoveKind;

interface MoveOrder {
  /** Unique in the plan, e.g. `start:2/3`. */
  id: string;
  /** Moves that must be done before. */
  after: string[];
}

export type MoveKind =
  /** Start an instance of the release in the slot, out of rotation, and wait until it is healthy. */
  | { kind: 'start'; slot: number; release: string }
  /** Send requests to it, and see that they are sent. */
  | { kind: 'admit'; slot: number; release: string }
  /** Send no new request to it; done when none is in flight. */
  | { kind: 'drain'; slot: number; release: string }
  /** End the drained instance. Refused by the platform where it is in rotation. */
  | { kind: 'stop'; slot: number; release: string }
  /** In one change: all instances of `to` in rotation, all others out. */
  | { kind: 'switch'; to: string; slots: number[] }
  /** Keep the drained instance running for `ms`, then the platform stops it, whether or not a client lives. */
  | { kind: 'keep-warm'; slot: number; release: string; ms: number }
  /** From now on the platform is set to run this release, with this canary beside it or none. */
  | { kind: 'set-current'; release: string; canary?: string };
