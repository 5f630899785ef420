/** Chance that comes out the same for the same seed. */

/** Numbers in [0, 1), by mulberry32. */
export function seeded(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) state = Math.imul(state ^ byte, 0x01000193) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** One of the list. Throws for an empty one. */
export function pick<T>(list: readonly T[], chance: () => number): T {
  const found = list[Math.floor(chance() * list.length)];
  if (found === undefined) throw new Error('there is nothing to pick from');
  return found;
}

/** The list in another order. */
export function shuffled<T>(list: readonly T[], chance: () => number): T[] {
  const places = list.map((one) => ({ one, at: chance() }));
  return places.sort((left, right) => left.at - right.at).map(({ one }) => one);
}
