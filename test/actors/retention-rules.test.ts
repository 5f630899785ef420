/** What is due to go, of allocs that have ended. */
import { describe, expect, it } from 'vitest';
import {
  dueByAge,
  dueByCount,
  dueByDisk,
  eachOnce,
  type Ended,
  Fullness,
  READING_TIME_MS,
  RETENTION_LIMITS,
} from '../../src/actors/retention-rules.ts';

const HOUR_MS = 3_600_000;

/** The oldest first. */
function ended(...agesMs: readonly number[]): readonly Ended[] {
  return agesMs.map((ageMs, index) => ({ allocId: `a${index}`, ageMs }));
}
const ids = (due: readonly { readonly allocId: string }[]): readonly string[] =>
  due.map(({ allocId }) => allocId);

describe('the rules', () => {
  it('take by age only what ended longer ago than is kept, and nothing without a limit', () => {
    const all = ended(3 * HOUR_MS, HOUR_MS, 1, -HOUR_MS);
    expect(dueByAge(all, RETENTION_LIMITS)).toEqual([]);
    const limits = { ...RETENTION_LIMITS, keepFinishedForMs: HOUR_MS };
    expect(dueByAge(all, limits)).toEqual([{ allocId: 'a0', rule: 'age' }]);
    expect(ids(dueByAge(all, { ...limits, keepFinishedForMs: 0 }))).toEqual(['a0', 'a1', 'a2']);
  });

  it('take by number the oldest of those that are too many', () => {
    const all = ended(4, 3, 2, 1);
    const keeping = (keepFinishedAllocs: number): readonly string[] =>
      ids(dueByCount(all, { ...RETENTION_LIMITS, keepFinishedAllocs }));
    expect([keeping(9), keeping(4), keeping(3), keeping(0)]).toEqual([
      [],
      [],
      ['a0'],
      ['a0', 'a1', 'a2', 'a3'],
    ]);
  });

  it('leave of a full disk what ended just now, and less when nothing can be started', () => {
    const all = ended(2 * READING_TIME_MS, READING_TIME_MS, READING_TIME_MS - 1, 0);
    expect(dueByDisk(all, 'inodes', { isPressing: false })).toEqual([
      { allocId: 'a0', rule: 'inodes' },
      { allocId: 'a1', rule: 'inodes' },
    ]);
    expect(ids(dueByDisk(all, 'disk', { isPressing: true }))).toEqual(['a0', 'a1', 'a2']);
  });

  it('take an alloc once, by the first of them', () => {
    const due = [
      { allocId: 'a', rule: 'age' },
      { allocId: 'b', rule: 'age' },
      { allocId: 'a', rule: 'count' },
    ] as const;
    expect(eachOnce(due)).toEqual(due.slice(0, 2));
  });
});

describe('a disk', () => {
  it('is too full beyond its limit, until it is well below it', () => {
    const fullness = new Fullness(RETENTION_LIMITS);
    const rules = [80, 80.1, 80, 76, 75.1, 75, 79, 81].map((diskPercent) =>
      fullness.ruleFor({ diskPercent, inodePercent: 0 }),
    );
    const over = 'disk';
    expect(rules).toEqual([undefined, over, over, over, over, undefined, undefined, over]);
  });

  it('has two limits, and neither hides the other', () => {
    const fullness = new Fullness(RETENTION_LIMITS);
    expect(fullness.ruleFor({ diskPercent: 10, inodePercent: 71 })).toBe('inodes');
    expect(fullness.ruleFor({ diskPercent: 90, inodePercent: 71 })).toBe('disk');
    expect(fullness.ruleFor({ diskPercent: 10, inodePercent: 66 })).toBe('inodes');
    expect(fullness.ruleFor({ diskPercent: 10, inodePercent: 60 })).toBeUndefined();
  });

  it('is never too full where the limit is 100', () => {
    const limits = { ...RETENTION_LIMITS, maxDiskPercent: 100, maxInodePercent: 100 };
    expect(new Fullness(limits).ruleFor({ diskPercent: 100, inodePercent: 100 })).toBeUndefined();
  });
});
