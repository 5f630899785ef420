/** A child that ends is started again as its spec says, and not for ever. */
import { describe, expect, it } from 'vitest';
import {
  supervise,
  type ChildEnd,
  type ChildSpec,
  type StartChild,
} from '../../src/actors/supervisor.ts';
import { HoldfastError } from '../../src/errors.ts';
import { FakeClock } from '../../src/testing/index.ts';

function setUp(
  restart: ChildSpec['restart'],
  start: StartChild,
  restarts = 3,
  clock = new FakeClock(),
  againAfterMs?: number,
) {
  const stop = new AbortController();
  const restarted: unknown[] = [];
  const escalated: HoldfastError[] = [];
  const intensity = { restarts, withinMs: 60_000 };
  const spec = { id: 'child', restart, intensity, ...(againAfterMs && { againAfterMs }) };
  const ended = supervise(
    spec,
    start,
    {
      clock,
      onRestart: (_spec, error) => void restarted.push(error),
      onEscalate: (_spec, error) => void escalated.push(error),
    },
    stop.signal,
  );
  return { clock, stop, restarted, escalated, ended };
}

/** Ends as the list says, one end for each attempt, then lives on. */
function ending(...ends: readonly ChildEnd[]): { start: StartChild; attempts: number[] } {
  const attempts: number[] = [];
  const start: StartChild = (attempt) => {
    attempts.push(attempt);
    const end = ends[attempt];
    return end === undefined ? new Promise(() => undefined) : Promise.resolve(end);
  };
  return { start, attempts };
}

const crash = (message = 'broken'): ChildEnd => ({ error: new Error(message) });

describe('a child', () => {
  it('that crashed of a newer agent is not started again', async () => {
    const { start, attempts } = ending({ error: new HoldfastError('EPOCH_STALE', 'taken over') });
    const { escalated, ended } = setUp('permanent', start);
    await ended;
    expect(attempts).toHaveLength(1);
    expect(escalated.map(({ code }) => code)).toEqual(['EPOCH_STALE']);
  });

  it.each([
    ['permanent', {}, 2],
    ['permanent', crash(), 2],
    ['transient', {}, 1],
    ['transient', crash(), 2],
    ['temporary', {}, 1],
    ['temporary', crash(), 1],
  ] as const)('that is %s and ends with %j is started %d time(s)', async (restart, end, starts) => {
    const { start, attempts } = ending(end);
    const { clock } = setUp(restart, start);
    await clock.advance(0);
    expect(attempts).toHaveLength(starts);
  });

  it('is told which attempt it is, and its owner what ended it', async () => {
    const { start, attempts } = ending(crash('one'), crash('two'));
    const { clock, restarted } = setUp('transient', start);
    await clock.advance(0);
    expect(attempts).toEqual([0, 1, 2]);
    expect(restarted).toMatchObject([{ message: 'one' }, { message: 'two' }]);
  });

  it('that crashes too often is escalated with the last reason and not started again', async () => {
    const { start, attempts } = ending(crash(), crash(), crash('the last'), crash('unseen'));
    const { ended, escalated } = setUp('transient', start, 2);
    await ended;
    expect(attempts).toEqual([0, 1, 2]);
    expect(escalated).toMatchObject([
      { code: 'INTERNAL', message: 'child ended more than 2 times in 60 s: the last' },
    ]);
  });

  it('that crashes too often is started once more after a while where its spec says so', async () => {
    const { start, attempts } = ending(crash(), crash(), crash(), crash(), crash());
    const { clock, escalated } = setUp('transient', start, 2, new FakeClock(), 60_000);
    await clock.advance('59s');
    expect([attempts, escalated.length]).toEqual([[0, 1, 2], 1]);
    await clock.advance('1s');
    expect([attempts, escalated.length]).toEqual([[0, 1, 2, 3, 4, 5], 1]);
  });

  it('that crashes now and then is started for ever', async () => {
    const clock = new FakeClock();
    let attempts = 0;
    const start: StartChild = (attempt) => {
      attempts = attempt;
      return new Promise((resolve) => clock.at(clock.now() + 25_000, () => resolve(crash())));
    };
    const { escalated } = setUp('transient', start, 3, clock);
    await clock.advance('10m');
    expect([attempts, escalated]).toEqual([24, []]);
  });

  it('is not started again once its owner stops', async () => {
    const first = Promise.withResolvers<ChildEnd>();
    let starts = 0;
    const { stop, ended, escalated } = setUp('permanent', () => {
      starts += 1;
      return first.promise;
    });
    stop.abort();
    first.resolve(crash());
    await ended;
    expect([starts, escalated]).toEqual([1, []]);
  });
});
