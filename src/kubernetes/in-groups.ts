/** Calls in flight at once: enough to hide the way, few enough for an API server that counts them. */
const AT_ONCE = 8;

/** As `Promise.all` of all items, a few of them at a time, in order. */
export async function inGroups<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(run))));
  }
  return results;
}
