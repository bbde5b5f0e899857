/**
 * What a strategy asks of a platform, in the platform's own words. A move names releases and slots, never real
 * instances; the slots of one move are moved together. `PlatformMoves.expand` says how it is done there.
 */
export type Move = MoveOrder & MoveKind;

interface MoveOrder {
  /** Unique in the plan, e.g. `start:2/3`. */
  id: string;
  /** Moves that must be done before. */
  after: string[];
  /** Which of the service's parts it moves, with slots and release ids of its own. Default: the service is one. */
  part?: string;
}

export type MoveKind =
  /** Start instances of the release in the slots, out of rotation, and wait until they are healthy. */
  | { kind: 'start'; slots: number[]; release: string }
  /** Send requests to them, and see that they are sent. */
  | { kind: 'admit'; slots: number[]; release: string }
  /**
   * Send no new request to them; done when none is in flight. Those that `stay` are kept running afterwards, so a platform
   * where nobody takes them away may leave them to finish by themselves.
   */
  | { kind: 'drain'; slots: number[]; release: string; stay?: true }
  /** End the drained instances. Refused by the platform where one is in rotation. */
  | { kind: 'stop'; slots: number[]; release: string }
  /** In one change: all instances of `to` in rotation, all others out. */
  | { kind: 'switch'; to: string; slots: number[] }
  /** Keep the drained instances running for `ms`, then the platform stops them, whether or not a client lives. */
  | { kind: 'keep-warm'; slots: number[]; release: string; ms: number }
  /** From now on the platform is set to run this release, with this canary beside it or none. */
  | { kind: 'set-current'; release: string; canary?: string };
