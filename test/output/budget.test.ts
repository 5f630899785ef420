import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { removals, type SeriesSize } from '../../src/output/budget.ts';
import { tries } from '../properties/tries.ts';

/** Full segments of these sizes, numbered from 0. */
const series = (sizes: readonly number[], keptBytes = 0, last?: number): SeriesSize => ({
  rotated: sizes.map((bytes, number) => ({ number, bytes })),
  keptBytes,
  ...(last === undefined ? {} : { last: { number: sizes.length, bytes: last } }),
});

const sumOf = ({ rotated, keptBytes, last }: SeriesSize): number =>
  rotated.reduce((sum, { bytes }) => sum + bytes, keptBytes + (last?.bytes ?? 0));

const removed = (all: Record<string, SeriesSize>, budgetBytes: number): string[] =>
  removals(new Map(Object.entries(all)), budgetBytes).map((one) => `${one.series}.${one.number}`);

describe('over the budget', () => {
  it('nothing goes as long as all of it fits, to the byte', () => {
    expect(removed({ a: series([10, 10], 5) }, 25)).toEqual([]);
    expect(removed({ a: series([10, 10], 5) }, 24)).toEqual(['a.0']);
  });

  it('the oldest file of the stream that holds most goes first, again and again', () => {
    const all = { small: series([10, 10]), large: series([10, 10, 10, 10]) };
    expect(removed(all, 30)).toEqual(['large.0', 'large.1', 'small.0']);
  });

  it('a stream is measured with its newest file, which stays', () => {
    const all = { a: series([10, 10], 0), b: series([10], 100) };
    expect(removed(all, 0)).toEqual(['b.0', 'a.0', 'a.1']);
  });

  it('the newest file of a stream that is over goes when nothing else is left, the largest first', () => {
    const all = { live: series([10], 100), over: series([10], 0, 5), other: series([], 0, 7) };
    expect(removed(all, 0)).toEqual(['live.0', 'over.0', 'other.0', 'over.1']);
    expect(removed(all, 112)).toEqual(['live.0', 'over.0']);
  });

  it('is never more taken than needed, oldest first, and as much as there is when it is not enough', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 6 });
    const one = fc
      .tuple(sizes, fc.nat(50), fc.option(fc.nat(50), { nil: undefined }))
      .map((parts) => series(...parts));
    const all = fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), one, { maxKeys: 8 });
    fc.assert(
      fc.property(all, fc.nat(400), (given, budgetBytes) => {
        const entries = new Map(Object.entries(given));
        const found = removals(entries, budgetBytes);
        const total = [...entries.values()].reduce((sum, each) => sum + sumOf(each), 0);
        const taken = found.reduce((sum, { bytes }) => sum + bytes, 0);
        const possible = [...entries.values()].reduce(
          (sum, each) => sum + sumOf(each) - each.keptBytes,
          0,
        );
        expect(total - taken).toBeLessThanOrEqual(Math.max(budgetBytes, total - possible));
        const lastBytes = found.at(-1)?.bytes ?? 0;
        if (found.length > 0) expect(total - taken + lastBytes).toBeGreaterThan(budgetBytes);
        for (const name of entries.keys()) {
          const numbers = found.filter((each) => each.series === name).map(({ number }) => number);
          expect(numbers).toEqual(numbers.map((_, index) => index));
        }
      }),
      tries(100),
    );
  });

  it('a thousand streams of a hundred files each are decided upon at once', () => {
    const all = Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`s${i}`, series(Array(100).fill(10))]),
    );
    expect(removed(all, 999_990)).toHaveLength(1);
    expect(removed(all, 990_000)).toHaveLength(1000);
  });
});
