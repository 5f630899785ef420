import { describe, expect, it } from 'vitest';
import { VOCABULARIES } from '../../src/events/codec.ts';
import type { Vocabulary } from '../../src/events/envelope.ts';
import { climb, UPCASTERS } from '../../src/events/upcasters.ts';

const ladder = {
  Walked: [(data: unknown) => [data, 'to 2'], (data: unknown) => [data, 'to 3']],
};

describe('climbing to the present shape', () => {
  it('takes every step from the stored schema on, in order', () => {
    expect(climb('Walked', 'data', 1, 3, ladder)).toEqual([['data', 'to 2'], 'to 3']);
    expect(climb('Walked', 'data', 2, 3, ladder)).toEqual(['data', 'to 3']);
  });

  it('leaves the present shape as it is', () => {
    const data = {};
    expect(climb('Walked', data, 3, 3, ladder)).toBe(data);
  });

  it.each([
    ['newer than known', 4, 3],
    ['no number of a schema', 0, 3],
    ['without a step', 1, 5],
  ])('refuses a schema that is %s', (_, from, to) => {
    expect(() => climb('Walked', 'data', from, to, ladder)).toThrow(
      expect.objectContaining({ code: 'EVENT_UNKNOWN' }),
    );
  });

  it('does not mistake what every object has for a ladder', () => {
    expect(() => climb('constructor', 'data', 1, 2, ladder)).toThrow(
      expect.objectContaining({ code: 'EVENT_UNKNOWN' }),
    );
  });
});

describe('the ladders', () => {
  it('lead every event from schema 1 to the present one', () => {
    for (const vocabulary of Object.values(VOCABULARIES) as Vocabulary[]) {
      for (const [type, { schema }] of Object.entries(vocabulary)) {
        expect([type, UPCASTERS[type]?.length ?? 0]).toEqual([type, schema - 1]);
      }
    }
  });
});
