import { freePort as unused } from '../src/adapters/platform/local/free-port.ts';

/**
 * A port on 127.0.0.1 that nobody listens on now, below those that systems take for outgoing connections: a proxy that
 * is killed must get its port back, whatever load other tests make meanwhile.
 */
export function freePort(): Promise<number> {
  return unused(new Set());
}
