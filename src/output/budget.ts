/** Which output goes when that of all tasks takes up more than it may: a pure decision over sizes. */

export interface SegmentSize {
  readonly number: number;
  /** Of everything that goes with it: marks too. */
  readonly bytes: number;
}

/** The files of one stream of one task. */
export interface SeriesSize {
  /** Full segments, oldest first. */
  readonly rotated: readonly SegmentSize[];
  /** The newest segment and what stays whatever happens. */
  readonly keptBytes: number;
  /** The newest segment of a stream that nobody writes any more: it goes when nothing else is left. */
  readonly last?: SegmentSize;
}

export interface Removal<Key> {
  readonly series: Key;
  readonly number: number;
  readonly bytes: number;
}

interface Holding<Key> {
  readonly series: Key;
  readonly rest: SegmentSize[];
  bytes: number;
}

/**
 * What is to be removed, in this order, so that no more than `budgetBytes` are left as far as that can be: always the
 * oldest full segment of the stream that holds most, then the newest ones of streams that are over. Of two streams that
 * hold the same, the one that is named first.
 */
export function removals<Key>(
  all: ReadonlyMap<Key, SeriesSize>,
  budgetBytes: number,
): Removal<Key>[] {
  let excessBytes = -budgetBytes;
  const full: Holding<Key>[] = [];
  const over: Holding<Key>[] = [];
  for (const [series, { rotated, keptBytes, last }] of all) {
    const bytes = rotated.reduce((sum, one) => sum + one.bytes, keptBytes + (last?.bytes ?? 0));
    excessBytes += bytes;
    if (rotated.length > 0) full.push({ series, rest: [...rotated], bytes });
    if (last !== undefined) over.push({ series, rest: [last], bytes: last.bytes });
  }
  const removed: Removal<Key>[] = [];
  for (const holdings of [full, over]) {
    for (let most = largest(holdings); excessBytes > 0 && most; most = largest(holdings)) {
      const oldest = most.rest.shift();
      if (oldest === undefined) break;
      removed.push({ series: most.series, ...oldest });
      most.bytes -= oldest.bytes;
      excessBytes -= oldest.bytes;
    }
  }
  return removed;
}

/** Among those that have something to give. */
function largest<Key>(holdings: readonly Holding<Key>[]): Holding<Key> | undefined {
  let most: Holding<Key> | undefined;
  for (const one of holdings) {
    if (one.rest.length > 0 && one.bytes > (most?.bytes ?? -1)) most = one;
  }
  return most;
}
