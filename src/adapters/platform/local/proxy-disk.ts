/** Writes that must not stop traffic when they fail: what could not be written is told, not thrown. */
export interface DiskWrites {
  /** @returns whether `write` succeeded */
  attempt(what: string, write: () => void): boolean;
  /** Why the last write that failed did; undefined where none has. */
  problem(): string | undefined;
}

/** @param log takes one line; told of a failure at most once a minute, for a full disk fails every write */
export function diskWrites(log: (line: string) => void): DiskWrites {
  let problem: string | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    attempt(what, write) {
      try {
        write();
        return true;
      } catch (error) {
        problem = `${what}: ${error instanceof Error ? error.message : String(error)}`;
        if (performance.now() - toldAt > 60_000) {
          toldAt = performance.now();
          log(`cannot write ${problem}`);
        }
        return false;
      }
    },
    problem: () => problem,
  };
}
