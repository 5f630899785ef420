import { expect, test } from 'vitest';
import type { RunUse } from '../../src/os/usage.ts';
import { type Caller, Sampler } from '../../src/processes/executor-host/sampler.ts';
import type { StatsResponse } from '../../src/rpc/gen/holdfast/executor/v1/executor.ts';
import { statsFor } from '../../src/processes/executor-host/stats.ts';

/** A host's clock that goes on when the test says so, and a reader that notes what it was asked. */
class Bench {
  nowMs = 0;
  readonly reads: { atMs: number; keys: string[]; withProcesses: boolean }[] = [];
  #timer: { readonly atMs: number; readonly wake: () => void } | undefined;
  readonly sampler = new Sampler({
    read: (keys, withProcesses) => {
      this.reads.push({ atMs: this.nowMs, keys: [...keys], withProcesses });
      return new Map();
    },
    now: () => this.nowMs,
    monotonic: () => this.nowMs,
    after: (delayMs, wake) => {
      const timer = { atMs: this.nowMs + delayMs, wake };
      this.#timer = timer;
      return () => {
        if (this.#timer === timer) this.#timer = undefined;
      };
    },
  });

  get isWaiting(): boolean {
    return this.#timer !== undefined;
  }

  add(changes: Partial<Caller>): { heard: number[]; leave: () => void } {
    const heard: number[] = [];
    const hear: Caller['hear'] = ({ monotonicMs }) => heard.push(monotonicMs);
    const caller = { intervalMs: 1_000, keys: ['a'], withProcesses: false, hear, ...changes };
    return { heard, leave: this.sampler.add(caller) };
  }

  goTo(atMs: number): void {
    while (this.#timer !== undefined && this.#timer.atMs <= atMs) {
      const { atMs: dueMs, wake } = this.#timer;
      this.#timer = undefined;
      this.nowMs = Math.max(this.nowMs, dueMs);
      wake();
    }
    this.nowMs = atMs;
  }
}

test('the interval of a caller is the rhythm of the sampler, not a second', () => {
  const bench = new Bench();
  const fine = bench.add({ intervalMs: 250 });
  bench.goTo(1_000);
  expect(fine.heard).toEqual([0, 250, 500, 750, 1_000]);
  const slow = new Bench();
  const { heard } = slow.add({ intervalMs: 5_000 });
  slow.goTo(10_000);
  expect(heard).toEqual([0, 5_000, 10_000]);
  expect(slow.reads).toHaveLength(3);
});

test('callers of different rhythms each have their own, and one sample where they fall together', () => {
  const bench = new Bench();
  const fine = bench.add({ intervalMs: 500, keys: ['a'] });
  const coarse = bench.add({ intervalMs: 1_500, keys: ['b'], withProcesses: true });
  bench.goTo(3_000);
  expect(fine.heard).toEqual([0, 500, 1_000, 1_500, 2_000, 2_500, 3_000]);
  expect(coarse.heard).toEqual([0, 1_500, 3_000]);
  expect(bench.reads.map(({ atMs }) => atMs)).toEqual([
    0, 0, 500, 1_000, 1_500, 2_000, 2_500, 3_000,
  ]);
  expect(bench.reads.at(-1)).toEqual({ atMs: 3_000, keys: ['a', 'b'], withProcesses: true });
  expect(bench.reads.at(-2)).toEqual({ atMs: 2_500, keys: ['a'], withProcesses: false });
});

test('callers of one rhythm share samples whenever they came', () => {
  const bench = new Bench();
  const first = bench.add({});
  bench.goTo(300);
  const second = bench.add({});
  bench.goTo(900);
  const third = bench.add({});
  bench.goTo(3_000);
  expect(first.heard).toEqual([0, 1_000, 2_000, 3_000]);
  expect(second.heard).toEqual([300, 1_000, 2_000, 3_000]);
  // Not one tenth of a second after its first.
  expect(third.heard).toEqual([900, 2_000, 3_000]);
  expect(bench.reads).toHaveLength(6);
});

test('nothing is measured and no timer runs while nobody asks', () => {
  const bench = new Bench();
  expect(bench.isWaiting).toBe(false);
  const one = bench.add({});
  const other = bench.add({ intervalMs: 100 });
  one.leave();
  expect(bench.isWaiting).toBe(true);
  other.leave();
  expect(bench.isWaiting).toBe(false);
  const before = bench.reads.length;
  bench.goTo(60_000);
  expect(bench.reads).toHaveLength(before);
});

test('a host that was stopped for a while goes on without making up for what it missed', () => {
  const bench = new Bench();
  const { heard } = bench.add({});
  bench.nowMs = 7_300;
  bench.goTo(9_000);
  expect(heard).toEqual([0, 7_300, 8_000, 9_000]);
});

test('a run that did nothing is told by its place, and one that has ended not at all', async () => {
  const use = (totalNs: number): RunUse => ({
    cpu: { totalNs, userNs: totalNs, systemNs: 0 },
    memory: {},
    io: {},
    processCount: 1,
    threadCount: 1,
    processes: [],
  });
  const idle = use(5);
  const moments = [
    new Map([
      ['idle', idle],
      ['busy', use(1)],
    ]),
    new Map([
      ['idle', idle],
      ['busy', use(2)],
    ]),
    new Map([['idle', idle]]),
  ];
  let wake = (): void => undefined;
  let nowMs = 0;
  const sampler = new Sampler({
    read: () => moments.shift() ?? new Map(),
    now: () => nowMs,
    monotonic: () => nowMs,
    after: (_delayMs, next) => {
      wake = next;
      return () => undefined;
    },
  });
  const left = new AbortController();
  const request = { agentEpoch: 1, intervalMs: 1_000, withProcesses: false };
  const launchKeys = ['gone', 'idle', 'busy'];
  const samples = statsFor({ ...request, launchKeys }, sampler, left.signal);
  const told = [];
  for (let round = 0; round < 3; round += 1) {
    const next = samples.next();
    if (round > 0) {
      nowMs += 1_000;
      wake();
    }
    const { runs, unchanged } = (await next).value as StatsResponse;
    told.push([runs.map(({ launchKey }) => launchKey), unchanged]);
  }
  expect(told).toEqual([
    [['idle', 'busy'], []],
    [['busy'], [1]],
    [[], [1]],
  ]);
  left.abort();
  expect((await samples.next()).done).toBe(true);
});
