/** Does the work for all of them, `jobs` at a time, begun in the order in which they are given. */
export async function sideBySide<T>(
  items: readonly T[],
  jobs: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      const [index, item] = next.value;
      await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}
