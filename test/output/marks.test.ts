import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  decodeMarks,
  encodeMark,
  MARK_BYTES,
  type Mark,
  spanAfter,
} from '../../src/output/marks.ts';
import { tries } from '../properties/tries.ts';

const mark = (offset: number, at = 0, run = 1): Mark => ({ offset, at, run, spanMs: 100 });
const bytesOf = (...marks: readonly Mark[]): Buffer => Buffer.concat(marks.map(encodeMark));

describe('marks', () => {
  it('are read as they were written, whatever they say', () => {
    const any = fc.record({
      offset: fc.nat(2 ** 48 - 1),
      at: fc.nat(2 ** 48 - 1),
      run: fc.nat(2 ** 24 - 1),
      spanMs: fc.nat(20).map((power) => 100 * 2 ** power),
    });
    fc.assert(
      fc.property(any, (one) => {
        expect(decodeMarks(encodeMark(one))).toEqual([one]);
      }),
      tries(100),
    );
    expect(encodeMark(mark(1))).toHaveLength(MARK_BYTES);
  });

  it('that are torn at the end are left out', () => {
    const bytes = bytesOf(mark(0), mark(10));
    expect(decodeMarks(bytes.subarray(0, -1))).toEqual([mark(0)]);
  });

  it('of which the later has the same place replace the earlier, and one that goes back is left out', () => {
    const all = [mark(0), mark(10, 1), mark(10, 2), mark(5, 3), mark(20, 4)];
    expect(decodeMarks(bytesOf(...all))).toEqual([mark(0), mark(10, 2), mark(20, 4)]);
  });

  it('never throw, whatever the bytes are, and ascend', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const offsets = decodeMarks(bytes).map(({ offset }) => offset);
        expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      }),
      tries(100),
    );
  });

  it('come at most every 100 ms, and the rarer the more there are', () => {
    expect([0, 8_191, 8_192, 16_384].map(spanAfter)).toEqual([100, 100, 200, 400]);
    expect(spanAfter(1e9)).toBe(spanAfter(1e12));
  });
});
