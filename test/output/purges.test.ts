import { describe, expect, it } from 'vitest';

import {
  formatPurge,
  mergePurges,
  parsePurges,
  type Purge,
  segmentNames,
} from '../../src/output/purges.ts';

const purge = (segments: readonly number[], more: Partial<Purge> = {}): Purge => ({
  allocId: 'a',
  task: 'web',
  stream: 'stdout',
  segments,
  bytes: 10,
  ...more,
});

describe('purges', () => {
  it('are read line by line, and what makes no sense is left out', () => {
    const text = `${formatPurge(purge([1]))}{"allocId":1}\n\n${formatPurge(purge([-1]))}${formatPurge(purge([2]))}{"al`;
    expect(parsePurges(text)).toEqual([purge([1]), purge([2])]);
  });

  it('become one for each stream, however often a line is there', () => {
    const all = [purge([2]), purge([1]), purge([2]), purge([0], { task: 'db' })];
    expect(mergePurges(all, () => false)).toEqual([
      purge([1, 2], { bytes: 20 }),
      purge([0], { task: 'db' }),
    ]);
  });

  it('that are known already are none', () => {
    const known = new Set(segmentNames(purge([1])));
    const isKnown = (name: string): boolean => known.has(name);
    expect(mergePurges([purge([1])], isKnown)).toEqual([]);
    expect(mergePurges([purge([1]), purge([3])], isKnown)).toEqual([purge([3])]);
  });
});
