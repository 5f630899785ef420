import { describe, expect, it } from 'vitest';
import { sinkError } from '../../src/sinks/sink.ts';
import { FILE, settle, SinkWorld, upTo } from './sink-world.ts';

const kept = (world: SinkWorld): number =>
  (JSON.parse(world.log.getMeta('sink/one') ?? '{}') as { position: number }).position;

describe('a sink', () => {
  it('gets every event once, in order, those that come too', async () => {
    const world = new SinkWorld();
    await world.append(300);
    world.start();
    await settle();
    await world.append(5);
    expect(world.receiver.got).toEqual(upTo(305));
    expect(world.pump?.view).toMatchObject({
      state: 'delivering',
      position: 305,
      lag: 0,
      sent: 305,
    });
  });

  it('that is new begins with what comes, also when the agent dies before anything did', async () => {
    const world = new SinkWorld();
    await world.append(3);
    const { type, name, path } = { ...FILE, path: '/nowhere', type: 'file' as const };
    const first = world.start({ type, name, path });
    await first.end();
    await world.append(2);
    world.start({ type, name, path });
    await settle();
    expect(world.receiver.got).toEqual([4, 5]);
  });

  it('gets no more together than it wants', async () => {
    const world = new SinkWorld();
    await world.append(25);
    world.start({ ...FILE, batchEvents: 10 });
    await settle();
    expect(world.receiver.batches.map((batch) => batch.length)).toEqual([10, 10, 5]);
  });

  it('gets the types and allocs that it wants, and its place passes the others', async () => {
    const world = new SinkWorld();
    await world.append(3);
    await world.append(2, 'alloc/web-1');
    await world.append(2, 'alloc/db-1');
    await world.append(2, 'alloc/web-2');
    world.start({ ...FILE, allocs: ['we*'] });
    await settle();
    expect(world.receiver.got).toEqual([4, 5, 8, 9]);
    await world.append(4);
    expect(world.pump?.view).toMatchObject({ position: 13, lag: 0, sent: 4 });
    const other = new SinkWorld();
    await other.append(2);
    await other.append(1, 'alloc/web-1');
    other.start({ ...FILE, types: ['AllocRemovalFailed'] });
    await settle();
    expect(other.receiver.got).toEqual([3]);
  });

  it('is asked where it stands, and goes on there', async () => {
    const world = new SinkWorld();
    await world.append(9);
    world.receiver.knows = 6;
    world.start();
    await settle();
    expect(world.receiver.got).toEqual([7, 8, 9]);
  });

  it('that claims more than there is gets what comes', async () => {
    const world = new SinkWorld();
    await world.append(3);
    world.receiver.knows = 1_000;
    world.start();
    await settle();
    await world.append(1);
    expect(world.receiver.got).toEqual([4]);
  });
});

describe('the place of a sink', () => {
  it('moves when the receiver has said that it has them, and not before', async () => {
    const world = new SinkWorld();
    const taken = Promise.withResolvers<void>();
    world.receiver.before = () => taken.promise;
    await world.append(5);
    const running = world.start();
    await settle();
    expect([world.pump?.view.position, kept(world)]).toEqual([0, 0]);
    taken.resolve();
    await settle();
    await running.end();
    expect([world.pump?.view.position, kept(world)]).toEqual([5, 5]);
  });

  it('is written four times a second at most, and at the end', async () => {
    const world = new SinkWorld();
    const running = world.start();
    await settle();
    await world.append(1);
    const first = kept(world);
    for (let each = 0; each < 50; each += 1) await world.append(1);
    expect(kept(world)).toBe(first);
    await world.clock.advance('250ms');
    expect(kept(world)).toBe(51);
    await world.append(1);
    await running.end();
    expect(kept(world)).toBe(52);
  });

  it('is kept by name: another one begins anew', async () => {
    const world = new SinkWorld();
    await world.append(2);
    await world.start().end();
    world.start({ ...FILE, name: 'two' });
    await settle();
    expect(world.receiver.opened).toEqual([0, 0]);
  });
});

describe('a receiver that fails', () => {
  it('is tried again after ever longer pauses, with the same events', async () => {
    const world = new SinkWorld();
    await world.append(3);
    let tries = 0;
    world.receiver.before = () => {
      tries += 1;
      if (tries <= 8) throw sinkError('UNAVAILABLE', 'no');
    };
    world.start();
    await settle();
    const waits = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000];
    for (const [index, ms] of waits.entries()) {
      expect(tries).toBe(index + 1);
      await world.clock.advance(`${ms - 1}ms`);
      await settle();
      expect(tries).toBe(index + 1);
      await world.clock.advance('1ms');
      await settle();
    }
    expect(world.receiver.got).toEqual([1, 2, 3]);
    expect(world.receiver.opened).toHaveLength(9);
    expect(world.receiver.closed).toBe(8);
    expect(world.pump?.view).toMatchObject({ state: 'delivering', failures: 8, lastError: 'no' });
  });

  it('is left alone for as long as it asks', async () => {
    const world = new SinkWorld();
    await world.append(1);
    let tries = 0;
    world.receiver.before = () => {
      tries += 1;
      if (tries === 1) throw sinkError('UNAVAILABLE', 'later', { retryAfterMs: 90_000 });
    };
    world.start();
    await settle();
    await world.clock.advance('89s');
    await settle();
    expect(tries).toBe(1);
    expect(world.pump?.view).toMatchObject({ state: 'failing', lag: 1, lastError: 'later' });
    await world.clock.advance('1s');
    await settle();
    expect(tries).toBe(2);
  });

  it('for which it is too much gets half of it, and more again when it takes that', async () => {
    const world = new SinkWorld();
    await world.append(40);
    let isSmall = true;
    world.receiver.before = (events) => {
      if (isSmall && events.length > 5) {
        throw sinkError('RESOURCES_EXHAUSTED', 'too much', { isTooLarge: true });
      }
      isSmall = false;
    };
    world.start({ ...FILE, batchEvents: 20 });
    await settle();
    await world.clock.advance('500ms');
    await settle();
    await world.clock.advance('1s');
    await settle();
    expect(world.receiver.batches.map((batch) => batch.length)).toEqual([5, 10, 20, 5]);
    expect(world.receiver.got).toEqual(upTo(40));
  });

  it('and wants nothing any more is left alone until the agent is started again', async () => {
    const world = new SinkWorld();
    await world.append(1);
    world.receiver.before = () => {
      throw sinkError('UNAVAILABLE', 'gone', { isGone: true });
    };
    const first = world.start();
    await settle();
    await world.clock.advance('1h');
    await world.append(5);
    expect(world.receiver.opened).toHaveLength(1);
    expect(world.pump?.view).toMatchObject({ state: 'stopped', lag: 6, lastError: 'gone' });
    await first.end();
    world.receiver.before = () => undefined;
    world.start();
    await settle();
    expect(world.receiver.got).toEqual(upTo(6));
  });

  it('and does not end does not keep the agent from ending', async () => {
    const world = new SinkWorld();
    await world.append(1);
    world.receiver.before = () => new Promise(() => undefined);
    const never = world.receiver.send.bind(world.receiver);
    const receiver = Object.assign(Object.create(world.receiver) as typeof world.receiver, {
      // As a request does.
      send: (events: Parameters<typeof never>[0], signal?: AbortSignal): Promise<void> =>
        Promise.race([
          never(events),
          new Promise<never>((_resolve, reject) => {
            signal?.addEventListener('abort', () => reject(new Error('aborted')));
          }),
        ]),
    });
    const running = world.start(FILE, receiver);
    await settle();
    await running.end();
    expect(world.pump?.view).toMatchObject({ position: 0, failures: 0 });
  });
});

describe('events that were removed before a sink had them', () => {
  it('are told to be missing, and it goes on behind them', async () => {
    const world = new SinkWorld();
    const first = world.start();
    await settle();
    await world.append(1);
    await first.end();
    await world.append(4, 'alloc/web-1');
    await world.append(2);
    await world.log.compact(['alloc/web-1'], 1);
    world.start();
    await settle();
    expect(world.skipped).toEqual([['one', 1, 6]]);
    expect(world.receiver.got).toEqual([1, 6, 7, 8]);
  });

  it('are nothing to one that begins with the oldest', async () => {
    const world = new SinkWorld();
    await world.append(1);
    await world.append(4, 'alloc/web-1');
    await world.append(2);
    await world.log.compact(['alloc/web-1'], 1);
    world.start();
    await settle();
    expect(world.skipped).toEqual([]);
    expect(world.receiver.got).toEqual([1, 6, 7, 8]);
  });
});

describe('another store', () => {
  it('that was made of this one is gone on with where they part', async () => {
    const world = new SinkWorld();
    world.log.setMeta('sink/one', JSON.stringify({ storeId: 'before', position: 9 }));
    await world.append(4);
    const damage = {
      movedTo: '',
      reason: 'x',
      recovered: 4,
      lost: null,
      previousStoreId: 'before',
    };
    await world.log.append('node', 4, [{ type: 'StoreDamaged', run: 0, at: 1, data: damage }]);
    await world.append(2);
    world.start();
    await settle();
    expect(world.receiver.got).toEqual([5, 6, 7]);
  });

  it('that is nothing to this one is sent whole', async () => {
    const world = new SinkWorld();
    world.log.setMeta('sink/one', JSON.stringify({ storeId: 'foreign', position: 9 }));
    await world.append(3);
    world.start({ ...FILE, start: 'now' });
    await settle();
    expect(world.receiver.got).toEqual([1, 2, 3]);
  });
});
