/** What of several forms is sent. */

/**
 * The first type of the header `Accept` that is offered, in the order in which it is written: weights are for people
 * who know all forms. Of one that names none of them the first offer is taken: some answer is better than 406.
 */
export function preferred<const Type extends string>(
  accept: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type {
  for (const wish of (accept ?? '').split(',')) {
    const name = wish.split(';', 1)[0]?.trim().toLowerCase();
    const found = offered.find((type) => type === name);
    if (found !== undefined) return found;
  }
  return offered[0];
}
