import { describe, expect, it } from 'vitest';

import { formatGap, type GapRecord, mergeGaps, parseGaps } from '../../src/output/gaps.ts';

const gap = (more: Partial<GapRecord>): GapRecord => ({
  reason: 'budget',
  segment: 0,
  offset: 0,
  bytes: 1,
  from: 5,
  until: 5,
  run: 1,
  ...more,
});

describe('gap records', () => {
  it('are read line by line, and what makes no sense is left out', () => {
    const good = gap({ segment: 2 });
    const lines = [
      formatGap(good),
      '\n',
      '{"reason":"budget"}\n',
      '   \n',
      formatGap(gap({ bytes: -1 })),
      formatGap(gap({ reason: 'boredom' as 'budget' })),
      'null\n',
    ];
    expect(parseGaps(`${lines.join('')}{"reason":"bud`)).toEqual([good]);
  });

  it('of removed files that follow each other become one that says the same together', () => {
    const full = gap({ reason: 'disk-full', segment: 3, offset: 7 });
    const all = [
      gap({ segment: 1, from: 10, until: 10 }),
      full,
      gap({ segment: 0, from: 2, until: 2 }),
      gap({ segment: 4 }),
    ];
    expect(mergeGaps(all)).toEqual([
      gap({ segment: 0, bytes: 2, from: 2, until: 10 }),
      full,
      gap({ segment: 4 }),
    ]);
  });
});
