import fc from 'fast-check';
import { firstValueFrom, map, take, toArray } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { Recorded } from '../../src/events/envelope.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { follow, follow$, type FollowOptions } from '../../src/log/subscription.ts';
import { ALLOC, allocRemoved, DB, gateOpened, messages, WEB } from './events.ts';
import { tries } from '../properties/tries.ts';

const never = (error: unknown) => {
  throw error;
};

async function collect(events: AsyncIterable<Recorded>, count = Number.POSITIVE_INFINITY) {
  const positions: number[] = [];
  for await (const event of events) {
    positions.push(event.position);
    if (positions.length === count) break;
  }
  return positions;
}

const upTo = (count: number, from = 1) =>
  Array.from({ length: count - from + 1 }, (_, index) => from + index);

describe('following the log', () => {
  it('gives old events, then new ones, without a gap or a repeat', async () => {
    const log = openMemoryEventLog();
    await log.append(WEB, 0, messages(300));
    const collected = collect(follow(log, { after: 10 }), 700);
    for (let version = 0; version < 500; version += 50) {
      await log.append(DB, version, messages(50));
    }
    expect(await collected).toEqual(upTo(710, 11));
  });

  it('ends at what was the head when it was asked to', async () => {
    const log = openMemoryEventLog();
    await log.append(WEB, 0, messages(5));
    const iterator = follow(log, { after: 1, until: 'head' })[Symbol.asyncIterator]();
    const positions = [(await iterator.next()).value?.position];
    await log.append(WEB, 5, messages(5));
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      positions.push(next.value.position);
    }
    expect(positions).toEqual([2, 3, 4, 5]);
  });

  it('ends without an error when it is aborted, waiting or not', async () => {
    const log = openMemoryEventLog();
    await log.append(WEB, 0, messages(5));
    const abort = new AbortController();
    const waiting = collect(follow(log, { after: 0, signal: abort.signal }));
    const seen: number[] = [];
    for await (const event of follow(log, { after: 0, signal: abort.signal })) {
      seen.push(event.position);
      if (event.position === 3) abort.abort();
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(await waiting).toEqual(expect.arrayContaining([1]));
    expect(await collect(follow(log, { after: 0, signal: abort.signal }))).toEqual([]);
  });

  it('ends when the log is closed and everything was given', async () => {
    const log = openMemoryEventLog();
    const collected = collect(follow(log, { after: 0 }));
    await log.append(WEB, 0, messages(2));
    void log.append(WEB, 2, messages(1));
    await log.close();
    expect(await collected).toEqual([1, 2, 3]);
  });

  it('fails when the log is closed before everything was given', async () => {
    const log = openMemoryEventLog();
    await log.append(WEB, 0, messages(1_500));
    await log.close();
    await expect(collect(follow(log, { after: 0 }))).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('refuses a position of another log', async () => {
    const log = openMemoryEventLog();
    await expect(collect(follow(log, { after: 1 }))).rejects.toMatchObject({
      code: 'POSITION_AHEAD',
      details: { storeId: log.storeId, head: 0 },
    });
  });

  it('says so when a compaction overtakes it, and never skips', async () => {
    const log = openMemoryEventLog();
    await log.append(WEB, 0, messages(1_000));
    const iterator = follow(log, { after: 0 })[Symbol.asyncIterator]();
    await iterator.next();
    await log.compact([WEB], 7);
    const rest = async () => {
      while ((await iterator.next()).done !== true);
    };
    await expect(rest()).rejects.toMatchObject({
      code: 'POSITION_COMPACTED',
      message: expect.stringContaining('go on after position ') as string,
      details: { oldest: 1_001 },
    });
  });

  it('gives only the streams and types that were asked for, and stays on their track', async () => {
    const log = openMemoryEventLog();
    const options: FollowOptions = { after: 0, streamPrefixes: ['task/'], types: ['GateOpened'] };
    const collected = collect(follow(log, options), 2);
    await log.append(WEB, 0, [...messages(600), gateOpened()]);
    await log.append(ALLOC, 0, [allocRemoved()]);
    await log.append(DB, 0, [gateOpened()]);
    expect(await collected).toEqual([601, 603]);
  });

  it('decodes an event once for all who follow the head', async () => {
    const log = openMemoryEventLog();
    const followers = Array.from({ length: 3 }, () =>
      follow(log, { after: 0 })[Symbol.asyncIterator](),
    );
    const waiting = followers.map((each) => each.next());
    await log.append(WEB, 0, messages(1));
    const [first, second, third] = await Promise.all(waiting);
    expect(second?.value).toBe(first?.value);
    expect(third?.value).toBe(first?.value);
    expect(Object.isFrozen((first?.value as Recorded | undefined)?.data)).toBe(true);
  });

  it('stops listening when it is left', async () => {
    const log = openMemoryEventLog();
    const cancelled = vi.fn();
    const listening = vi.spyOn(log, 'onAppended').mockReturnValue(cancelled);
    await log.append(WEB, 0, messages(3));
    await collect(follow(log, { after: 0 }), 1);
    expect([listening, cancelled].map((each) => each.mock.calls.length)).toEqual([1, 1]);
  });

  it('delivers every event after any position, whatever is appended in between', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(300), async (groups, from) => {
        const log = openMemoryEventLog();
        const first = groups[0] as number;
        await log.append(WEB, 0, messages(first));
        const after = Math.min(from, first);
        const total = groups.reduce((sum, each) => sum + each, 0);
        const collected = after === total ? [] : collect(follow(log, { after }), total - after);
        for (const size of groups.slice(1)) {
          await log.append(WEB, log.versionOf(WEB), messages(size));
        }
        expect(await collected).toEqual(upTo(total, after + 1));
      }),
      tries(20),
    );
  });
});

describe('the log as an Observable', () => {
  it('gives the same events, and each subscriber all of them', async () => {
    const log = openMemoryEventLog();
    await log.append(WEB, 0, messages(3));
    const events$ = follow$(log, { after: 1, until: 'head', onSubscriberError: never });
    const positions$ = events$.pipe(
      map((event) => event.position),
      toArray(),
    );
    expect(await firstValueFrom(positions$)).toEqual([2, 3]);
    expect(await firstValueFrom(positions$)).toEqual([2, 3]);
  });

  it('gives nothing more after an unsubscription', async () => {
    const log = openMemoryEventLog();
    const seen: number[] = [];
    const subscription = follow$(log, { after: 0, onSubscriberError: never }).subscribe((event) => {
      seen.push(event.position);
      if (event.position === 2) subscription.unsubscribe();
    });
    await log.append(WEB, 0, messages(4));
    await collect(follow(log, { after: 0 }), 4);
    expect(seen).toEqual([1, 2]);
  });

  it.each([
    ['throws', () => never(new Error('mine'))],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('ends the subscription of a subscriber that %s, and no other', async (_, next) => {
    const log = openMemoryEventLog();
    const failures: unknown[] = [];
    const events$ = follow$(log, { after: 0, onSubscriberError: (error) => failures.push(error) });
    const failing = vi.fn(next);
    events$.subscribe(failing);
    events$.pipe(map((event) => event.position)).subscribe({ next: failing });
    const well = firstValueFrom(events$.pipe(take(3), toArray()));
    await log.append(WEB, 0, messages(1));
    await collect(follow(log, { after: 0 }), 1);
    await log.append(WEB, 1, messages(2));
    expect(await well).toHaveLength(3);
    expect(failures).toMatchObject([{ message: 'mine' }, { message: 'mine' }]);
    expect(failing).toHaveBeenCalledTimes(2);
  });

  it('gives the errors of the log to who asked for them, and to its owner otherwise', async () => {
    const log = openMemoryEventLog();
    const [own, owners]: [unknown[], unknown[]] = [[], []];
    const events$ = follow$(log, { after: 9, onSubscriberError: (error) => owners.push(error) });
    events$.subscribe({ error: (error: unknown) => own.push(error) });
    events$.subscribe();
    await expect(firstValueFrom(events$)).rejects.toMatchObject({ code: 'POSITION_AHEAD' });
    expect(own).toMatchObject([{ code: 'POSITION_AHEAD' }]);
    expect(owners).toMatchObject([{ code: 'POSITION_AHEAD' }]);
  });
});
