/**
 * Calls `work` for each item, for several at a time.
 * @returns what it returned, in the order of the items
 */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  atATime: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) {
      results[at] = await work(items[at] as Item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
  return results;
}

/** How much is begun before the first of it is done. */
export interface InFlight {
  /** Most items. */
  readonly items: number;
  /** Most of what `weight` says; one item is begun whatever its weight. */
  readonly weight: number;
}

/**
 * Calls `work` for the numbers from `first` to `end` − 1, for several at a time, and gives what it
 * returns in their order. Where the consumer ends early, what was begun is waited for.
 */
export async function* inOrder<Result>(
  [first, end]: readonly [number, number],
  limit: InFlight,
  weight: (number: number) => number,
  work: (number: number) => Promise<Result>,
): AsyncGenerator<Result, void> {
  const begun: { readonly weight: number; readonly result: Promise<Result> }[] = [];
  let [next, held] = [first, 0];
  const fits = (more: number) =>
    begun.length === 0 || (begun.length < limit.items && held + more <= limit.weight);
  try {
    while (next < end || begun.length > 0) {
      while (next < end && fits(weight(next))) {
        const result = work(next);
        result.catch(() => {}); // it is thrown when its turn comes
        begun.push({ weight: weight(next), result });
        held += weight(next++);
      }
      const oldest = begun[0] as (typeof begun)[number];
      yield await oldest.result;
      begun.shift();
      held -= oldest.weight;
    }
  } finally {
    await Promise.allSettled(begun.map(({ result }) => result));
  }
}
