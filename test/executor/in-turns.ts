/** Does `work` for 0 … `count` - 1, so many at a time. The first error ends it, once what goes on has ended. */
export async function inTurns(
  count: number,
  together: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  const done = await Promise.allSettled(Array.from({ length: together }, worker));
  const failed = done.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
