/** What an `EventLog` is, whatever it keeps its rows in. */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { codecOf, VOCABULARIES, type Codec } from '../../src/events/codec.ts';
import { fields, text } from '../../src/events/shape.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import {
  ALLOC,
  allocRemoved,
  DB,
  diskLow,
  gateOpened,
  message,
  messages,
  WEB,
} from '../log/events.ts';
import { tries } from '../properties/tries.ts';

export type OpenLog = (options?: { readonly codec?: Codec }) => EventLog;

export function describeEventLog(name: string, open: OpenLog): void {
  const fresh: OpenLog = (options) => {
    const log = open(options);
    onTestFinished(() => log.close());
    return log;
  };
  describe(`${name}: appending`, () => describeAppending(fresh));
  describe(`${name}: reading`, () => describeReading(fresh));
  describe(`${name}: compacting`, () => describeCompacting(fresh));
  describe(`${name}: closing`, () => describeClosing(fresh));
}

function describeAppending(open: OpenLog): void {
  it('gives each event a position in the log and a version in its stream', async () => {
    const log = open();
    await log.append(WEB, 0, [message(1), message(2)]);
    const [third] = await log.append(DB, 0, [message(3)]);
    expect(third).toEqual({
      ...message(3),
      position: 3,
      version: 1,
      stream: DB,
      storeId: log.storeId,
    });
    expect([log.head, log.versionOf(WEB), log.versionOf(DB), log.versionOf('node')]).toEqual([
      3, 2, 1, 0,
    ]);
  });

  it('refuses an append that expects another version, and writes nothing of it', async () => {
    const log = open();
    await log.append(WEB, 0, [message(1)]);
    await expect(log.append(WEB, 0, [message(2)])).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
      details: { stream: WEB, expected: 0, actual: 1 },
    });
    expect(log.readStream(WEB)).toHaveLength(1);
  });

  it('lets the neighbours of a conflicting append of the same turn through', async () => {
    const log = open();
    const outcomes = await Promise.allSettled([
      log.append(WEB, 0, [message(1)]),
      log.append(WEB, 0, [message(2)]),
      log.append(DB, 0, [message(3)]),
    ]);
    expect(outcomes.map((each) => each.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(log.readAll(0).map((event) => event.at - message(0).at)).toEqual([1, 3]);
  });

  it('takes two appends to one stream in one turn, the second at the version the first leads to', async () => {
    const log = open();
    const first = log.append(WEB, 0, messages(3));
    const second = log.append(WEB, log.versionOf(WEB), messages(2, 4));
    await Promise.all([first, second]);
    expect(log.readStream(WEB).map((event) => event.version)).toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses an event of a wrong shape and names the fault', async () => {
    const log = open();
    const wrong = { ...gateOpened(), data: { gate: 'side' } };
    await expect(log.append(WEB, 0, [message(1), wrong])).rejects.toMatchObject({
      code: 'EVENT_MALFORMED',
      details: { fault: 'data.gate: expected one of prestart, main, poststart, poststop' },
    });
    expect(log.versionOf(WEB)).toBe(0);
  });

  it('only checks the version when there is nothing to append', async () => {
    const log = open();
    await expect(log.append(WEB, 0, [])).resolves.toEqual([]);
    await expect(log.append(WEB, 1, [])).rejects.toMatchObject({ code: 'VERSION_CONFLICT' });
    expect(log.head).toBe(0);
  });

  it('tells its listeners the new head once for each group, after it can be read', async () => {
    const log = open();
    const heads: number[] = [];
    const cancel = log.onAppended((head) => heads.push(head, log.readAll(0).length));
    await Promise.all([log.append(WEB, 0, messages(2)), log.append(DB, 0, messages(2))]);
    cancel();
    await log.append(WEB, 2, messages(1));
    expect(heads).toEqual([4, 4]);
  });

  it('is not disturbed by a listener that throws', async () => {
    const log = open();
    const heads: number[] = [];
    log.onAppended(() => {
      throw new Error('deaf');
    });
    log.onAppended((head) => heads.push(head));
    await log.append(WEB, 0, messages(1));
    expect(heads).toEqual([1]);
  });

  it('keeps small facts about itself', () => {
    const log = open();
    log.setMeta('instanceId', 'one');
    log.setMeta('instanceId', 'two');
    expect([log.getMeta('instanceId'), log.getMeta('nothing')]).toEqual(['two', undefined]);
  });
}

function describeReading(open: OpenLog): void {
  it('gives what was stored, not the object of the writer', async () => {
    const log = open();
    const event = { ...message(1), data: { ...message(1).data } };
    await log.append(WEB, 0, [event]);
    (event.data as { message: string }).message = 'changed afterwards';
    expect(log.readAll(0)[0]?.data).toEqual(message(1).data);
    expect(log.readStream(WEB)[0]?.data).toEqual(message(1).data);
  });

  it('reads on after a position, up to a limit, and gives nothing at the head', async () => {
    const log = open();
    await log.append(WEB, 0, messages(5));
    expect(log.readAll(1, { limit: 2 }).map((event) => event.position)).toEqual([2, 3]);
    expect(log.readAll(5)).toEqual([]);
  });

  it('refuses positions that it has not given out', async () => {
    const log = open();
    await log.append(WEB, 0, messages(1));
    const { storeId } = log;
    expect(() => log.readAll(2)).toThrow(
      expect.objectContaining({ code: 'POSITION_AHEAD', details: { storeId, head: 1 } }),
    );
    expect(() => log.readAll(-1)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('sifts by the beginning of the stream name and by type', async () => {
    const log = open();
    await log.append(WEB, 0, [message(1), gateOpened()]);
    await log.append(ALLOC, 0, [allocRemoved()]);
    await log.append(DB, 0, [message(2)]);
    const positions = (options: Parameters<EventLog['readAll']>[1]) =>
      log.readAll(0, options).map((event) => event.position);
    expect(positions({ streamPrefixes: ['task/a1/'] })).toEqual([1, 2, 4]);
    expect(positions({ streamPrefixes: ['alloc/', 'task/a1/db'] })).toEqual([3, 4]);
    expect(positions({ streamPrefixes: ['task/'], types: ['HookMessage'], limit: 1 })).toEqual([1]);
    expect(positions({ types: ['HookMessage'] })).toEqual([1, 4]);
    expect(positions({ streamPrefixes: ['task/a2/'] })).toEqual([]);
  });

  it('gives rows with their data as text, in order, also those appended meanwhile', async () => {
    const log = open();
    await log.append(WEB, 0, messages(2));
    const rows = log.rows()[Symbol.iterator]();
    expect(rows.next().value).toEqual({
      position: 1,
      stream: WEB,
      version: 1,
      type: 'HookMessage',
      schema: 1,
      run: 1,
      at: message(1).at,
      data: JSON.stringify(message(1).data),
    });
    expect([...log.rows(1)].map((row) => row.position)).toEqual([2]);
  });

  it('shows an event it cannot read as Unreadable, and refuses to read its stream', async () => {
    const task = { ...VOCABULARIES.task, Strange: { schema: 3, data: fields({ from: text }) } };
    const codec = codecOf({ ...VOCABULARIES, task });
    const older = codecOf(VOCABULARIES);
    const log = open({ codec: { encode: codec.encode, decode: older.decode } });
    const strange = { type: 'Strange', run: 1, at: 9, data: { from: 'tomorrow' } };
    await log.append(WEB, 0, [message(1), strange]);
    await log.append(DB, 0, [message(2)]);
    expect(log.readAll(0).map((event) => event.type)).toEqual([
      'HookMessage',
      'Unreadable',
      'HookMessage',
    ]);
    expect(log.readAll(0)[1]).toMatchObject({
      at: 9,
      stream: WEB,
      version: 2,
      data: { type: 'Strange', schema: 3, code: 'EVENT_UNKNOWN' },
    });
    expect(() => log.readStream(WEB)).toThrow(expect.objectContaining({ code: 'EVENT_UNKNOWN' }));
    expect(log.readStream(DB)).toHaveLength(1);
  });

  it('gives far events in equal measure from memory and from the store', async () => {
    const log = open();
    for (let version = 0; version < 2_400; version += 400) {
      await log.append(
        version % 800 === 0 ? WEB : DB,
        log.versionOf(version % 800 === 0 ? WEB : DB),
        messages(400, version),
      );
    }
    const all = log.readAll(0, { limit: 5_000 });
    expect(all.map((event) => event.at - message(0).at)).toEqual(
      Array.from({ length: 2_400 }, (_, index) => index),
    );
    expect(log.readStream(WEB, 1_100).map((event) => event.version)).toHaveLength(100);
    expect(log.readAll(0, { limit: 5_000, streamPrefixes: [DB] })).toHaveLength(1_200);
  });

  it('agrees with a list in memory about any appends and reads', async () => {
    const streams = [WEB, DB, ALLOC, 'node'];
    const step = fc.record({
      stream: fc.nat(3),
      count: fc.integer({ min: 0, max: 4 }),
      isStale: fc.boolean(),
      isAwaited: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(40), async (steps, after) => {
        const log = open();
        const model: string[] = [];
        const waiting: Promise<unknown>[] = [];
        for (const { stream, count, isStale, isAwaited } of steps) {
          const name = streams[stream] as string;
          const version = model.filter((each) => each === name).length;
          const event = stream === 3 ? diskLow() : stream === 2 ? allocRemoved() : gateOpened();
          const append = log.append(
            name,
            isStale ? version + 1 : version,
            Array(count).fill(event),
          );
          waiting.push(
            append.catch((error: unknown) =>
              expect(error).toMatchObject({ code: 'VERSION_CONFLICT' }),
            ),
          );
          if (!isStale) model.push(...Array<string>(count).fill(name));
          if (isAwaited) await append.catch(() => undefined);
        }
        await Promise.all(waiting);
        const from = Math.min(after, model.length);
        expect(log.head).toBe(model.length);
        expect(log.readAll(from).map((event) => event.stream)).toEqual(model.slice(from));
        expect([...log.rows(from)].map((row) => row.position)).toEqual(
          model.slice(from).map((_, index) => from + index + 1),
        );
        for (const name of streams) {
          expect(log.readStream(name).map((event) => event.version)).toEqual(
            model.filter((each) => each === name).map((_, index) => index + 1),
          );
        }
        await log.close();
      }),
      tries(25),
    );
  });
}

function describeCompacting(open: OpenLog): void {
  it('removes whole streams and leaves a summary', async () => {
    const log = open();
    await log.append(WEB, 0, messages(3));
    await log.append(DB, 0, messages(1));
    const summary = await log.compact([WEB], 77);
    expect(summary).toMatchObject({
      type: 'StoreCompacted',
      at: 77,
      position: 5,
      data: { streams: [WEB], events: 3, oldest: 4 },
    });
    expect([...log.rows()].map((row) => row.position)).toEqual([4, 5]);
    expect(log.readStream(WEB)).toEqual([]);
    expect(log.oldest).toBe(4);
  });

  it('refuses positions before the oldest, never skips silently', async () => {
    const log = open();
    await log.append(WEB, 0, messages(3));
    await log.compact([WEB], 77);
    expect(() => log.readAll(2)).toThrow(
      expect.objectContaining({ code: 'POSITION_COMPACTED', details: { oldest: 4 } }),
    );
    expect(log.readAll(3).map((event) => event.type)).toEqual(['StoreCompacted']);
  });

  it('never gives a position or the version of a removed stream again', async () => {
    const log = open();
    await log.append(WEB, 0, messages(3));
    await log.compact([WEB], 77);
    await expect(log.append(WEB, 0, messages(1))).rejects.toMatchObject({
      code: 'VERSION_CONFLICT',
    });
    const [next] = await log.append(WEB, 3, messages(1));
    expect(next).toMatchObject({ position: 5, version: 4 });
    expect(log.readStream(WEB)).toHaveLength(1);
    expect([...log.rows()]).toHaveLength(2);
  });

  it('writes what waits before it compacts', async () => {
    const log = open();
    const appended = log.append(WEB, 0, messages(2));
    const summary = await log.compact([WEB], 77);
    await appended;
    expect(summary.data).toMatchObject({ events: 2, oldest: 3 });
  });

  it('keeps the node stream and refuses a list that is too long for a summary', async () => {
    const log = open();
    await log.append(WEB, 0, messages(1));
    await expect(log.compact(['node'], 77)).rejects.toMatchObject({ code: 'USAGE' });
    const many = Array.from({ length: 3_000 }, (_, index) => `task/${'a'.repeat(30)}/${index}`);
    await expect(log.compact(many, 77)).rejects.toMatchObject({ code: 'EVENT_MALFORMED' });
    await expect(log.append(WEB, 1, messages(1))).resolves.toHaveLength(1);
  });
}

function describeClosing(open: OpenLog): void {
  it('writes what waits, then refuses everything', async () => {
    const log = open();
    const heads: number[] = [];
    log.onAppended((head) => heads.push(head));
    const appended = log.append(WEB, 0, messages(2));
    await log.close();
    await expect(appended).resolves.toHaveLength(2);
    await expect(log.append(WEB, 2, messages(1))).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => log.readStream(WEB)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(() => log.rows()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(() => log.getMeta('x')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect([log.isClosed, ...heads]).toEqual([true, 2, 2]);
    expect(log.failure).toBeUndefined();
    expect(await Promise.race([log.failed, Promise.resolve('all is well')])).toBe('all is well');
    await log.close();
  });

  it('still gives followers what was appended last', async () => {
    const log = open();
    await log.append(WEB, 0, messages(2));
    await log.close();
    expect(log.readPage(1)).toMatchObject({ events: [{ position: 2 }], next: 2 });
  });
}
