/** Several iterations as one, in the order in which things come. */

/**
 * Ends when all have ended; an error of one ends all. Of each, one thing is taken ahead. The sources must end by a
 * signal of their own when the reader leaves: they are told to return, and not waited for.
 */
export async function* merged<T>(
  sources: readonly AsyncIterable<T>[],
): AsyncGenerator<T, void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const ask = async (iterator: AsyncIterator<T>) => ({ iterator, next: await iterator.next() });
  const asked = new Map(iterators.map((iterator) => [iterator, ask(iterator)]));
  try {
    while (asked.size > 0) {
      const { iterator, next } = await Promise.race(asked.values());
      if (next.done === true) {
        asked.delete(iterator);
        continue;
      }
      asked.set(iterator, ask(iterator));
      yield next.value;
    }
  } finally {
    for (const answer of asked.values()) answer.catch(() => undefined);
    for (const iterator of iterators) iterator.return?.().catch(() => undefined);
  }
}
