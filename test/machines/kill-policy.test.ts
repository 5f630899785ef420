import { describe, expect, it } from 'vitest';
import { killRetryDelayMs, LEFTOVER_PLAN, stopPlan } from '../../src/machines/kill-policy.ts';
import { T } from './stories.ts';

const FORCE = { signal: 'SIGKILL', target: 'tree', waitMs: 15_000 };

function plan(signal: string, deadline: number, now: number): ReturnType<typeof stopPlan> {
  return stopPlan({ signal, deadline, killTimeoutMs: 5_000 }, now);
}

describe('the plan of a kill', () => {
  it('asks the program nicely, then forces everything of it', () => {
    expect(plan('SIGINT', T + 5_000, T)).toEqual([
      { signal: 'SIGINT', target: 'leader', waitMs: 5_000 },
      FORCE,
    ]);
  });

  it('that an earlier agent began waits only for what is left', () => {
    const [first] = plan('SIGTERM', T + 5_000, T + 3_000);
    expect(first).toEqual({ signal: 'SIGTERM', target: 'leader', waitMs: 2_000 });
  });

  it('never gives a program more than its kill timeout, whatever became of the clock', () => {
    const [first] = plan('SIGTERM', T + 9_000_000, T);
    expect(first).toEqual({ signal: 'SIGTERM', target: 'leader', waitMs: 5_000 });
  });

  it('is force alone when its time is over or force is what was asked for', () => {
    expect(plan('SIGTERM', T, T)).toEqual([FORCE]);
    expect(plan('SIGTERM', T, T + 1)).toEqual([FORCE]);
    expect(plan('SIGKILL', T + 5_000, T)).toEqual([FORCE]);
  });

  it('forces what a program left behind', () => {
    expect(LEFTOVER_PLAN).toEqual([FORCE]);
  });

  it('is tried again after longer and longer pauses, for ever', () => {
    expect([0, 1, 2, 3, 50].map(killRetryDelayMs)).toEqual([
      5_000, 20_000, 80_000, 120_000, 120_000,
    ]);
  });
});
