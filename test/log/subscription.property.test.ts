/** Random subscribers of a log that is written, compacted and opened anew under them. */
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { HoldfastError } from '../../src/errors.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { openSqliteEventLog } from '../../src/log/sqlite-event-log.ts';
import { follow } from '../../src/log/subscription.ts';
import { tries } from '../properties/tries.ts';
import { altered, type Alteration } from './altered-log.ts';
import { freshDir } from './fresh-dir.ts';
import { type Entry, eventOf, LogModel, STREAMS } from './log-model.ts';

vi.setConfig({ testTimeout: 600_000 });

/** Steps of the writer at which a subscriber may come. */
const LATEST = 9;

const tastes = fc.record({
  /** When it comes, in steps of the writer, and from where it wants to read. */
  comesAt: fc.nat(LATEST - 1),
  after: fc.oneof(fc.constant(0), fc.nat(400)),
  prefixes: fc.option(fc.subarray(['task/', 'task/a1/web', 'alloc/', 'node'], { minLength: 1 })),
  types: fc.option(fc.subarray(['GateOpened', 'HookMessage', 'StoreCompacted'], { minLength: 1 })),
  /** It takes a rest of so many turns after each event. */
  restTurns: fc.constantFrom(0, 0, 1, 5),
});

type Taste = typeof tastes extends fc.Arbitrary<infer T> ? T : never;

const deeds = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('append' as const),
      stream: fc.constantFrom(...STREAMS),
      count: fc.integer({ min: 1, max: 400 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('compact' as const),
      streams: fc.subarray(STREAMS.filter((stream) => stream !== 'node')),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('reopen' as const) }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('rest' as const), turns: fc.nat(5) }) },
);

const lives = fc.record({
  deeds: fc.array(deeds, { minLength: 1, maxLength: 14 }),
  tastes: fc.array(tastes, { minLength: 1, maxLength: 4 }),
});

/** What became of a subscriber. */
interface Outcome {
  readonly taste: Taste;
  /** Where it began. */
  readonly after: number;
  readonly received: readonly number[];
  /** It was told that events are gone, and which is the oldest that is not. */
  readonly oldest: number | undefined;
}

/** The log of now, and the next one while there is none. */
class Place {
  log: EventLog;
  readonly #over = new AbortController();

  constructor(log: EventLog) {
    this.log = log;
  }

  end(): void {
    this.#over.abort();
  }

  /** Follows over any number of logs, each time from the last position it got. */
  async subscribe(taste: Taste, after: number): Promise<Outcome> {
    const received: number[] = [];
    const filters = {
      ...(taste.prefixes === null ? {} : { streamPrefixes: taste.prefixes }),
      ...(taste.types === null ? {} : { types: taste.types }),
    };
    const read = async (until: { until?: 'head'; signal?: AbortSignal }): Promise<void> => {
      const last = received.at(-1) ?? after;
      for await (const { position } of follow(this.log, { after: last, ...filters, ...until })) {
        received.push(position);
        for (let turn = 0; turn < taste.restTurns; turn += 1) await nextTurn();
      }
    };
    try {
      while (!this.#over.signal.aborted) {
        await read({ signal: this.#over.signal }).catch(unlessClosed);
        await nextTurn();
      }
      await read({ until: 'head' });
      return { taste, after, received, oldest: undefined };
    } catch (error) {
      const { code, details } = HoldfastError.from(error);
      if (code !== 'POSITION_COMPACTED') throw error;
      return { taste, after, received, oldest: Number(details['oldest']) };
    }
  }
}

function unlessClosed(error: unknown): void {
  if (!HoldfastError.is(error, 'CLOSED')) throw error;
}

type Life = typeof lives extends fc.Arbitrary<infer L> ? L : never;
type Open = (path: string) => EventLog;

const openWell: Open = (path) => openSqliteEventLog({ path });

async function live(life: Life, path: string, open: Open) {
  const model = new LogModel();
  const place = new Place(open(path));
  const subscribers: Promise<Outcome>[] = [];
  const admit = (at: number): void => {
    for (const taste of life.tastes) {
      // What is gone is refused, as the contract says; this one comes as early as it may.
      const after = Math.max(Math.min(taste.after, model.head), model.compactedThrough);
      if (taste.comesAt === at) subscribers.push(place.subscribe(taste, after));
    }
  };
  for (const [at, deed] of life.deeds.entries()) {
    admit(at);
    await work(deed, place, model, () => open(path));
  }
  for (let at = life.deeds.length; at < LATEST; at += 1) admit(at);
  place.end();
  const outcomes = await Promise.all(subscribers);
  await place.log.close();
  return { model, outcomes };
}

async function work(
  deed: Life['deeds'][number],
  place: Place,
  model: LogModel,
  reopen: () => EventLog,
): Promise<void> {
  switch (deed.does) {
    case 'append': {
      const { stream, count } = deed;
      const version = model.versionOf(stream);
      const events = Array.from({ length: count }, (_, at) => eventOf(stream, model.head + at));
      model.append(stream, events);
      return void (await place.log.append(stream, version, events));
    }
    case 'compact':
      model.compact(deed.streams, 7);
      return void (await place.log.compact(deed.streams, 7));
    case 'reopen':
      await place.log.close();
      return void (place.log = reopen());
    case 'rest':
      for (let turn = 0; turn < deed.turns; turn += 1) await nextTurn();
  }
}

const BROKEN: Readonly<Record<string, Alteration>> = {
  'forgets to mark a compaction': (log) => ({
    oldest: 1,
    readPage: (after, options) => log.readPage(Math.max(after, log.oldest - 1), options),
  }),
  'goes on too far after a page': (log) => ({
    readPage(after, options) {
      const page = log.readPage(after, options);
      return { ...page, next: Math.min(page.next + 1, log.head) };
    },
  }),
};

/** What is wrong with what a subscriber got, undefined when nothing is. */
function fault({ taste, after, received, oldest }: Outcome, model: LogModel): string | undefined {
  const { prefixes, types } = taste;
  const wanted = model.ever.filter(
    ({ position, stream, type }: Entry) =>
      position > after &&
      (prefixes === null || prefixes.some((prefix) => stream.startsWith(prefix))) &&
      (types === null || types.includes(type)),
  );
  const order = received.findIndex((position, index) => position !== wanted[index]?.position);
  if (order >= 0) return `got ${received[order]} where ${wanted[order]?.position} was next`;
  const missing = wanted[received.length]?.position;
  if (oldest === undefined) {
    return missing === undefined ? undefined : `was never given ${missing}, nor told so`;
  }
  const isTrue = oldest <= model.compactedThrough + 1 && oldest > (received.at(-1) ?? after) + 1;
  return isTrue ? undefined : `was told that everything before ${oldest} is gone`;
}

/** Faults in what subscribers of random logs got, and how many of them came to which end. */
function subscriptions(open: Open) {
  const dir = freshDir();
  const ends = { all: 0, compacted: 0 };
  let count = 0;
  const property = fc.asyncProperty(lives, async (life) => {
    count += 1;
    const { model, outcomes } = await live(life, join(dir, `${count}.db`), open);
    expect(outcomes.flatMap((outcome) => fault(outcome, model) ?? [])).toEqual([]);
    for (const { oldest } of outcomes) ends[oldest === undefined ? 'all' : 'compacted'] += 1;
  });
  return { property, ends };
}

describe('a subscriber', () => {
  it('gets exactly what was committed, in order, or is told what it cannot have', async () => {
    const { property, ends } = subscriptions(openWell);
    await fc.assert(property, tries(25));
    // Both ends were seen, or nothing was shown.
    expect(Math.min(ends.all, ends.compacted)).toBeGreaterThan(0);
  });

  it.each(Object.keys(BROKEN))('of a log that %s is found out (a control)', async (name) => {
    const { property } = subscriptions((path) =>
      altered(openWell(path), BROKEN[name] as Alteration),
    );
    const options = { numRuns: 300, seed: 7, endOnFailure: true };
    const found = await fc.check(property, options);
    expect(found.errorInstance).toMatchObject({ name: 'AssertionError' });
  });
});
