/** What is told of the past, against every history that releases wrote and every fact that there is. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PublicEvent } from '../../src/api.ts';
import { decode } from '../../src/events/codec.ts';
import type { StoredRow } from '../../src/log/event-log.ts';
import { factText } from '../../src/projections/fact-text.ts';
import { historyOf } from '../../src/projections/history.ts';
import { nomadTaskEvents } from '../../src/projections/nomad-task-events.ts';
import { publicEvent } from '../../src/projections/public-event.ts';
import { whyChain } from '../../src/projections/why.ts';
import { ALLOC_FACTS, randomOf, TASK_FACTS } from '../machines/random-facts.ts';

const FOLDER = new URL('../replay/histories/', import.meta.url);
const STORIES = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'));

function eventsOf(story: string): readonly PublicEvent[] {
  const lines = readFileSync(new URL(story, FOLDER), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { data, ...rest } = JSON.parse(line) as StoredRow;
    const row = { ...rest, data: JSON.stringify(data) };
    return publicEvent({ ...row, ...decode(row), storeId: 's' }, () => 'shop');
  });
}

/** Every alloc of every history: one that took over from another is in the same one. */
const ALLOCS = STORIES.flatMap((story) => {
  const events = eventsOf(story);
  const ids = [...new Set(events.flatMap(({ allocId }) => allocId ?? []))];
  return ids.map((allocId) => ({ story, allocId, events }));
});

describe.each(ALLOCS)('of alloc $allocId in the history $story', ({ allocId, events }) => {
  const own = events.filter((event) => event.allocId === allocId);
  const tasks = [...new Set(own.flatMap(({ task }) => (task === null ? [] : [task])))];

  it('every state is told, and what happened is said in words', () => {
    const entries = historyOf(own);
    expect(entries.filter(({ from, to }) => from === null || to === null)).toEqual([]);
    expect(entries.filter(({ type, text }) => type === text)).toEqual([]);
  });

  it('every task has a cause for how it stands, each older than the one before', () => {
    for (const task of [null, ...tasks]) {
      const about = { alloc: 'shop', allocId, task };
      const positions = whyChain(events, about).causes.map(({ position }) => position);
      expect(positions.length).toBeGreaterThan(0);
      expect(positions).toEqual([...new Set(positions)].toSorted((one, other) => other - one));
    }
  });

  it('every task was received first, in the words of Nomad', () => {
    for (const task of tasks) expect(nomadTaskEvents(own, task)[0]?.type).toBe('Received');
  });
});

describe('whatever is recorded', () => {
  const random = randomOf(7);
  const some = (
    type: string,
    task: string | null,
    data: unknown,
    position: number,
  ): PublicEvent => {
    const time = new Date(position).toISOString();
    const about = { storeId: 's', alloc: 'shop', allocId: 'a1', task, run: 1 };
    return { ...about, position, time, type, data };
  };

  it('is said in words', () => {
    for (const [facts, task] of [
      [TASK_FACTS, 'api'],
      [ALLOC_FACTS, null],
    ] as const) {
      for (const [type, make] of Object.entries(facts)) {
        const text = factText(some(type, task, make(random), 1));
        expect(text, type).not.toBe(type);
        expect(text, type).not.toMatch(/undefined|NaN|\[object/);
      }
    }
  });

  it('in whatever order, is told by all', () => {
    const makers = [
      ...Object.entries(TASK_FACTS).map(([type, make]) => ({ type, make, task: 'api' })),
      ...Object.entries(ALLOC_FACTS).map(([type, make]) => ({ type, make, task: null })),
    ];
    for (let round = 0; round < 200; round += 1) {
      const events = Array.from({ length: 30 }, (_one, index) => {
        const { type, make, task } = makers[
          Math.floor(random() * makers.length)
        ] as (typeof makers)[0];
        return some(type, task, make(random), index + 1);
      });
      expect(historyOf(events)).toHaveLength(30);
      nomadTaskEvents(events, 'api');
      for (const task of [null, 'api']) {
        const { causes } = whyChain(events, { alloc: 'shop', allocId: 'a1', task });
        const positions = causes.map(({ position }) => position);
        expect(positions).toEqual([...new Set(positions)].toSorted((one, other) => other - one));
      }
    }
  });
});
