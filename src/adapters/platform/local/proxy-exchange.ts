import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { BackendEntry, Backends } from './proxy-backends.ts';
import type { TrafficRecorder } from './traffic-recorder.ts';

/** How far one client's request has come. `end` is safe to call often: what it counts, it counts once. */
export interface Exchange {
  readonly req: IncomingMessage;
  /** Backends that had it already. */
  readonly tried: Set<BackendEntry>;
  /** Whether it is over for the client, for whatever reason. */
  readonly over: boolean;
  /** Whether the backend has begun to answer. */
  answered: boolean;
  /** Status of the answer. */
  status: number;
  /** An answer without an end of its own, or not of HTTP any more: says nothing of latency. */
  untimed: boolean;
  /** The backend failed: refused, broke off before it answered or within the answer. */
  broken: boolean;
  /** Where the present try goes; errors of an earlier one are not its. */
  target: object | undefined;
  /** Called with what went wrong before the backend answered; undefined once the exchange is over. */
  settle: (error: Error | undefined) => void;
  /** Counts it as in flight at `entry`. */
  begin(entry: BackendEntry): void;
  /** Takes it back from the backend it was given to, which failed it. */
  giveUp(): void;
  connected(upstream: Socket): void;
  /** It is an upgraded connection from here on; the request in it counts now. */
  upgrade(): void;
  /** @param delivered whether the client has the whole answer */
  end(delivered: boolean): void;
}

export function beginExchange(
  req: IncomingMessage,
  backends: Backends,
  traffic: TrafficRecorder,
  monotonic: () => number,
): Exchange {
  const startedAt = monotonic();
  let over = false;
  let counted = false;
  let upgraded = false;
  let entry: BackendEntry | undefined;
  let last: BackendEntry | undefined;
  let upstream: Socket | undefined;

  function count(error: boolean, latencyMs: number | undefined): void {
    if (counted || !last) return;
    counted = true;
    traffic.record(last.backend.release, error, latencyMs);
  }

  function leave(): void {
    upstream?.destroy();
    upstream = undefined;
    if (!entry) return;
    if (upgraded) entry.upgraded--;
    backends.end(entry);
    entry = undefined;
  }

  const exchange: Exchange = {
    req,
    tried: new Set(),
    get over() {
      return over;
    },
    answered: false,
    status: 0,
    untimed: false,
    broken: false,
    target: undefined,
    settle: () => undefined,
    begin(chosen) {
      entry = chosen;
      last = chosen;
      exchange.tried.add(chosen);
      backends.begin(chosen);
    },
    giveUp() {
      if (entry) entry.errors++;
      leave();
    },
    connected(socket) {
      upstream = socket;
    },
    upgrade() {
      upgraded = true;
      if (entry) entry.upgraded++;
      count(false, undefined);
    },
    end(delivered) {
      if (over) return;
      over = true;
      const error = exchange.broken || (delivered && exchange.status >= 500);
      if (error && entry) entry.errors++;
      count(error, error || !delivered || exchange.untimed ? undefined : monotonic() - startedAt);
      leave();
      exchange.settle(undefined);
    },
  };
  return exchange;
}
