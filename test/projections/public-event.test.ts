import { describe, expect, it } from 'vitest';
import type { Recorded } from '../../src/events/envelope.ts';
import { publicEvent } from '../../src/projections/public-event.ts';
import { fact, LAUNCH, T } from '../machines/stories.ts';

const names = (allocId: string): string | null => (allocId === 'a1' ? 'shop' : null);
const place = { position: 9, storeId: 's1', version: 3 };

describe('an event as subscribers see it', () => {
  it('says where it belongs, by name and by id, and when it was', () => {
    const event: Recorded = {
      ...fact('TaskReattached', { pid: 42 }),
      ...place,
      stream: 'task/a1/web',
    };
    expect(publicEvent(event, names)).toEqual({
      position: 9,
      storeId: 's1',
      time: new Date(T).toISOString(),
      type: 'TaskReattached',
      alloc: 'shop',
      allocId: 'a1',
      task: 'web',
      run: 1,
      data: { pid: 42 },
    });
  });

  it('of an alloc has no task, and one of the node neither', () => {
    const event = { type: 'AllocRemoved', run: 0, at: T, data: {}, ...place };
    expect(publicEvent({ ...event, stream: 'alloc/a2' }, names)).toMatchObject({
      allocId: 'a2',
      alloc: null,
      task: null,
    });
    expect(publicEvent({ ...event, stream: 'node' }, names)).toMatchObject({
      allocId: null,
      alloc: null,
      task: null,
    });
  });

  it('never carries the token of a start', () => {
    const event: Recorded = { ...fact('RunStarting', LAUNCH), ...place, stream: 'task/a1/web' };
    const { token, ...rest } = LAUNCH;
    const seen = publicEvent(event, names);
    expect(seen.data).toEqual(rest);
    expect(JSON.stringify(seen)).not.toContain(token);
  });
});
