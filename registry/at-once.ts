/** `work` for each item, `limit` at once. The first failure ends it, when what has begun is over. */
export async function eachAtOnce<T>(
  items: AsyncIterable<T> | Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const source = iterate(items);
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    try {
      for (let next = await source.next(); next.done !== true && failures.length === 0; next = await source.next()) {
        await work(next.value);
      }
    } catch (error) {
      failures.push(error);
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  await source.return(undefined);
  if (failures.length > 0) throw failures[0];
}

async function* iterate<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}
