import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { pipeSizeFor } from '../../src/processes/logmon-host/fifo.ts';
import { tries } from '../properties/tries.ts';

const MIB = 1_048_576;
const PER_USER = 64 * MIB;

describe('the size of the next pipe', () => {
  it('is a mebibyte for everybody where there is no limit', () => {
    expect(pipeSizeFor(1000 * MIB, Infinity)).toBe(MIB);
  });

  it('shrinks as more of what the user may have is given away', () => {
    expect(pipeSizeFor(0, PER_USER)).toBe(MIB);
    expect(pipeSizeFor(16 * MIB, PER_USER)).toBe(MIB / 4);
    expect(pipeSizeFor(32 * MIB, PER_USER)).toBeUndefined();
  });

  it('leaves the user half of it, however many ask', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (pipes) => {
        let granted = 0;
        for (let i = 0; i < pipes; i += 1) granted += pipeSizeFor(granted, PER_USER) ?? 0;
        expect(granted).toBeLessThanOrEqual(PER_USER / 2);
      }),
      tries(100),
    );
  });
});
