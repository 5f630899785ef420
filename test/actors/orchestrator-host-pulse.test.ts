/** On a clock of its own, which only the waiting of the pulse moves. */
import { expect, it, vi } from 'vitest';
import { endWhenMute, PULSE } from '../../src/actors/host-pulse.ts';
import { HoldfastError } from '../../src/errors.ts';
import type { Host } from '../../src/rpc/spawn-host.ts';

const world = vi.hoisted(() => ({ nowMs: 0, askedAt: [] as number[], mutedAt: 0 }));

vi.mock('node:timers/promises', () => ({
  setTimeout: async (delayMs: number) => void (world.nowMs += delayMs),
}));
vi.mock('../../src/rpc/hello.ts', () => ({
  async hello(_channel: unknown, _kind: unknown, _agent: unknown, deadlineMs: number) {
    world.askedAt.push(world.nowMs);
    if (world.nowMs < world.mutedAt) return;
    world.nowMs += deadlineMs;
    throw new HoldfastError('TIMEOUT', 'no answer');
  },
}));

it('a host that leaves the questions of a minute without an answer is ended', async () => {
  world.mutedAt = 100_000;
  const address = { kind: 'logmon', pid: 2 ** 30, startTime: '1', machineEpoch: 'e' };
  const host = { channel: {}, address } as unknown as Host;
  const agent = { agentEpoch: 1, instanceId: 'i', machineEpoch: 'e' };
  await endWhenMute(host, agent, PULSE, new AbortController().signal);
  const unanswered = world.askedAt.filter((at) => at >= world.mutedAt);
  expect(unanswered).toEqual([105_000, 120_000, 135_000, 150_000]);
  expect(world.nowMs - (unanswered[0] ?? 0)).toBe(60_000);
});
