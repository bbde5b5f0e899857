/**
 * While it is not known whether something can be asked at all, those who want to ask it go one at a time, so that what
 * one of them finds out spares the others: of hundreds of pods of one image the first tells what can be read of them.
 */
export function oneFirst(): <T>(key: string, isKnown: () => boolean, ask: () => Promise<T>) => Promise<T> {
  const asking = new Map<string, Promise<void>>();

  return async (key, isKnown, ask) => {
    for (let before = asking.get(key); before && !isKnown(); before = asking.get(key)) await before;
    const answer = ask();
    if (isKnown()) return answer;
    const done = answer.then(
      () => {},
      () => {},
    );
    asking.set(key, done);
    void done.then(() => {
      if (asking.get(key) === done) asking.delete(key);
    });
    return answer;
  };
}
