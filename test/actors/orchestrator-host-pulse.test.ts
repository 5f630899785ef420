/** On a clock of its own, which only the waiting of the pulse moves. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { endWhenMute, PULSE } from '../../src/actors/host-pulse.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';

const world = vi.hoisted(() => ({
  nowMs: 0,
  askedAt: [] as number[],
  /** From a moment to the answer of what is asked then; it never comes for Infinity. */
  answerAfterMs: (_at: number): number => 0,
  due: [] as { readonly at: number; readonly tell: () => void }[],
}));

vi.mock('node:timers/promises', () => ({
  async setTimeout(delayMs: number) {
    world.nowMs += delayMs;
    const due = world.due.filter(({ at }) => at <= world.nowMs);
    world.due = world.due.filter((one) => !due.includes(one));
    for (const { tell } of due) tell();
    // Whoever waits for an answer hears it.
    for (let turns = 0; turns < 5; turns += 1) await Promise.resolve();
  },
}));
vi.mock('../../src/rpc/hello.ts', () => ({
  hello(_channel: unknown, _kind: unknown, _agent: unknown, deadlineMs: number) {
    const { nowMs } = world;
    world.askedAt.push(nowMs);
    const takesMs = world.answerAfterMs(nowMs);
    return new Promise<void>((resolve, reject) => {
      const late = (): void => reject(new HoldfastError('TIMEOUT', 'no answer'));
      if (takesMs <= deadlineMs) world.due.push({ at: nowMs + takesMs, tell: resolve });
      else world.due.push({ at: nowMs + deadlineMs, tell: late });
    });
  },
}));

const address = { kind: 'logmon', hostId: 'h', pid: 2 ** 30, startTime: '1', machineEpoch: 'e' };
let told: string[] = [];

/** `waitsFrom`: from then on a call waits for its answer. */
async function play(waitsFrom: number, signal = new AbortController().signal): Promise<boolean> {
  const channel = { waitedMs: () => Math.max(0, world.nowMs - waitsFrom) };
  const logger = { warn: (_facts: object, text: string) => void told.push(text) };
  const agent = { agentEpoch: 1, instanceId: 'i', machineEpoch: 'e', logger } as never;
  return endWhenMute({ channel, address } as unknown as Host, agent, PULSE, signal);
}

describe('a host', () => {
  beforeEach(() => {
    Object.assign(world, { nowMs: 0, askedAt: [], due: [], answerAfterMs: () => 0 });
    told = [];
  });

  it('is asked every 15 s, and ended when it was mute for a minute', async () => {
    world.answerAfterMs = (at) => (at < 100_000 ? 0 : Infinity);
    await play(Infinity);
    const unanswered = world.askedAt.filter((at) => at >= 100_000);
    expect(unanswered.slice(0, 2)).toEqual([105_000, 110_000]);
    expect(world.nowMs - (unanswered[0] ?? 0)).toBe(60_000);
    expect(told).toEqual(['a host does not answer and will be replaced; it may hang']);
  });

  it('that calls wait for is asked at once, and ended after 20 s', async () => {
    world.answerAfterMs = (at) => (at <= 105_000 ? 0 : Infinity);
    await play(105_000);
    const unanswered = world.askedAt.filter((at) => at > 105_000);
    expect(unanswered[0]).toBe(110_000);
    expect(world.nowMs - (unanswered[0] ?? 0)).toBe(20_000);
  });

  it('that answers slowly lives on, whoever waits for it', async () => {
    const leave = new AbortController();
    world.answerAfterMs = (at) => {
      if (at > 3_600_000) leave.abort();
      return 15_000;
    };
    expect(await play(0, leave.signal)).toBe(false);
    expect(world.askedAt.length).toBeGreaterThan(100);
  });
});
