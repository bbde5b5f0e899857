import { ApiError } from '../../../kubernetes/api-error.ts';
import type { Pod } from '../../../kubernetes/objects.ts';
import type { ClusterState } from './cluster-state.ts';
import { oneFirst } from './one-first.ts';
import type { WorkloadView } from './view.ts';

/** Connections open on the ports that a Service sends to; undefined where they can't be seen. */
export type OpenConnections = (
  view: WorkloadView,
  pod: Pod,
  signal: AbortSignal,
) => Promise<number | undefined>;

const NODE_SCRIPT =
  'for (const table of ["tcp", "tcp6"]) try { process.stdout.write(require("fs").readFileSync("/proc/net/" + table)) } catch {}';
const PYTHON_SCRIPT =
  'import os\nfor t in ("tcp", "tcp6"):\n  p = "/proc/net/" + t\n  print(open(p).read() if os.path.exists(p) else "")';

/** Programs that can print a file, one of which most images have. */
const READERS = [
  ['cat', '/proc/net/tcp', '/proc/net/tcp6'],
  ['busybox', 'cat', '/proc/net/tcp', '/proc/net/tcp6'],
  ['node', '-e', NODE_SCRIPT],
  ['python3', '-c', PYTHON_SCRIPT],
  ['perl', '-e', 'for (qw(tcp tcp6)) { open(F, "/proc/net/$_") and print <F> }'],
];

/**
 * Looks into the connection table of a pod's network namespace (Linux, proc(5), `/proc/net/tcp`) by a program of one of
 * its containers. What works is remembered by image; images without any such program can't be looked into.
 */
export function openConnections(state: ClusterState): OpenConnections {
  const readers = new Map<string, string[] | undefined>();
  const first = oneFirst();
  let refused = false;

  async function table(pod: Pod, signal: AbortSignal): Promise<string | undefined> {
    const { name, namespace = state.namespace } = pod.metadata;
    for (const { name: container, image } of pod.spec.containers) {
      const known = readers.has(image) ? [readers.get(image)] : READERS;
      for (const reader of known) {
        if (!reader || refused) continue;
        try {
          const { exitCode, stdout } = await state.cluster.exec(
            { namespace, name, container },
            reader,
            signal,
          );
          // cat says 1 where there is no IPv6, and has printed the rest.
          if (exitCode > 1 || !/^\s*sl\s+local_address/m.test(stdout)) continue;
          readers.set(image, reader);
          return stdout;
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof ApiError)) throw error;
          // A program that is not in the image is the runtime's error; any other one would meet every program alike.
          if (!/executable file|no such file|not found/i.test(error.says)) {
            refused = true;
            return undefined;
          }
        }
      }
      if (!readers.has(image)) readers.set(image, undefined);
    }
    return undefined;
  }

  return async (view, pod, signal) => {
    const images = pod.spec.containers.map(({ image }) => image);
    const text = await first(
      images.join(' '),
      () => refused || images.some((image) => readers.has(image)),
      () => table(pod, signal),
    );
    if (text === undefined) return undefined;
    const ports = new Set(view.slices.flatMap(({ ports: all }) => (all ?? []).map(({ port }) => port)));
    return countOpen(text, ports);
  };
}

/** Lines look like `0: 0100007F:1F90 0200007F:C350 01 ...`: local address, remote address, state, all hexadecimal. */
export function countOpen(table: string, ports: ReadonlySet<number | undefined>): number {
  let open = 0;
  for (const line of table.split('\n')) {
    const [, port, state] =
      /^\s*\d+:\s+[0-9A-F]+:([0-9A-F]{4})\s+[0-9A-F]+:[0-9A-F]{4}\s+([0-9A-F]{2})\s/.exec(line) ?? [];
    // 01 is ESTABLISHED, 03 is SYN_RECV (Linux, include/net/tcp_states.h).
    if (port && (state === '01' || state === '03') && ports.has(Number.parseInt(port, 16))) open++;
  }
  return open;
}
