/** `work` for each item, `limit` at once. The first failure ends it, when what has begun is over. */
export async function eachAtOnce<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const source = iterate(items);
  let failed = false;
  const worker = async (): Promise<void> => {
    try {
      for (let next = await source.next(); next.done !== true && !failed; next = await source.next()) {
        await work(next.value);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: limit }, worker));
  await source.return(undefined);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function* iterate<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}
