/** Nomad's restart tracker, rule by rule: the order, the counts and the texts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { restartVerdict, type PolicyInput } from '../../src/machines/restart-policy.ts';
import type { RunEnd } from '../../src/machines/task-state.ts';
import { exitRules } from '../../src/spec/exit-rules.ts';
import { policy, T } from './stories.ts';
import { tries } from '../properties/tries.ts';

const exit = (exitCode: number | null, signal: string | null = null): RunEnd => {
  return { kind: 'exited', exitCode, signal, oomKilled: false, at: T };
};
const fault = (isRecoverable: boolean): RunEnd => {
  return { kind: 'fault', code: 'START_FAILED', message: 'no room', isRecoverable, at: T };
};
const lost = (maybeRan: boolean): RunEnd => ({ kind: 'lost', reason: 'gone', maybeRan, at: T });

function verdict(changes: Partial<PolicyInput>): ReturnType<typeof restartVerdict> {
  return restartVerdict({
    policy: policy(),
    restartOnSuccess: true,
    end: exit(1),
    restarts: { count: 0, intervalStart: 0, total: 0 },
    now: T,
    chance: 0,
    ...changes,
  });
}

const after = (count: number, intervalStart = T): PolicyInput['restarts'] => {
  return { count, intervalStart, total: count };
};

describe('a task that is not restarted', () => {
  it('completed, when success is the end of it', () => {
    const reason = 'Restart unnecessary as task terminated successfully';
    expect(verdict({ end: exit(0), restartOnSuccess: false })).toEqual({
      kind: 'end',
      outcome: 'complete',
      reason,
    });
  });

  it('failed for good, even where the policy allows attempts', () => {
    expect(verdict({ end: fault(false) })).toEqual({
      kind: 'end',
      outcome: 'failed',
      reason: 'Error was unrecoverable: no room',
    });
  });

  it('was lost, may have done its work, and must not do it twice', () => {
    const strict = policy({ onLost: 'fail' });
    expect(verdict({ end: lost(true), policy: strict })).toMatchObject({
      outcome: 'lost',
      reason: 'Run was lost and may have done its work: gone',
    });
    expect(verdict({ end: lost(false), policy: strict })).toMatchObject({ kind: 'restart' });
    expect(verdict({ end: lost(true) })).toMatchObject({ kind: 'restart' });
  });

  it.each([
    [exit(0), 'complete'],
    [exit(1), 'failed'],
    [exit(null, 'SIGKILL'), 'failed'],
    [lost(true), 'lost'],
    [fault(true), 'failed'],
  ] as const)('has a policy without attempts: %j is %s', (end, outcome) => {
    const reason = 'Policy allows no restarts';
    expect(verdict({ end, policy: policy({ attempts: 0 }) })).toEqual({
      kind: 'end',
      outcome,
      reason,
    });
  });

  it('has used up its attempts in mode fail', () => {
    expect(verdict({ restarts: after(2) })).toEqual({
      kind: 'end',
      outcome: 'failed',
      reason: 'Exceeded allowed attempts 2 in interval 1m and mode is "fail"',
    });
  });
});

describe('a task that is restarted', () => {
  it('is counted within its interval', () => {
    expect(verdict({ restarts: after(1, T - 10) })).toMatchObject({
      kind: 'restart',
      count: 2,
      intervalStart: T - 10,
      isCounted: true,
      reason: 'Restart within policy',
    });
  });

  it('begins a new interval when the old one is over, and not before', () => {
    expect(verdict({ restarts: after(2, T - 60_000) })).toMatchObject({ kind: 'end' });
    expect(verdict({ restarts: after(2, T - 60_001) })).toMatchObject({
      kind: 'restart',
      count: 1,
      intervalStart: T,
    });
  });

  it('waits for the rest of the interval in mode delay', () => {
    const patient = policy({ mode: 'delay' });
    expect(verdict({ policy: patient, restarts: after(2, T - 20_000) })).toEqual({
      kind: 'restart',
      delayMs: 40_000,
      count: 3,
      intervalStart: T - 20_000,
      isCounted: true,
      reason: 'Exceeded allowed attempts, applying a delay',
    });
  });

  it('waits for its delay and at most a quarter more', () => {
    const chances = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(chances, fc.nat(1_000_000), (chance, delayMs) => {
        const found = verdict({ chance, policy: policy({ delayMs }) });
        if (found.kind !== 'restart') return false;
        return found.delayMs >= delayMs && found.delayMs <= Math.ceil(delayMs * 1.25);
      }),
      tries(100),
    );
  });

  it('is never restarted more often than its policy says, whatever the clock does', () => {
    const steps = fc.array(fc.nat(70_000), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (pauses, attempts) => {
        let restarts = after(0, 0);
        let now = T;
        const starts: number[] = [];
        for (const pause of pauses) {
          now += pause;
          const found = verdict({ policy: policy({ attempts }), restarts, now });
          if (found.kind !== 'restart') continue;
          starts.push(now);
          restarts = { count: found.count, intervalStart: found.intervalStart, total: 0 };
        }
        // Fixed windows, as in Nomad: any span of one interval meets at most two of them.
        return starts.every(
          (from) => starts.filter((at) => at >= from && at <= from + 60_000).length <= 2 * attempts,
        );
      }),
      tries(100),
    );
  });
});

describe('a policy that says more than Nomad’s', () => {
  const growing = policy({ attempts: 9, backoff: 'exponential', maxDelayMs: 6_000 });

  it.each([
    [0, 1_000],
    [1, 2_000],
    [2, 4_000],
    [3, 6_000],
    [8, 6_000],
  ])('doubles the delay up to its cap: after %d restarts it is %d ms', (count, delayMs) => {
    expect(verdict({ policy: growing, restarts: after(count) })).toMatchObject({
      delayMs,
      streak: count + 1,
    });
  });

  it('adds chance to a delay that has grown, not to its cap', () => {
    expect(verdict({ policy: growing, restarts: after(4), chance: 0.5 })).toMatchObject({
      delayMs: 6_750,
    });
  });

  it('grows no further than numbers go', () => {
    const endless = { ...growing, attempts: 5_000, maxDelayMs: 86_400_000 };
    expect(verdict({ policy: endless, restarts: after(4_000) })).toMatchObject({
      delayMs: 86_400_000,
    });
    expect(verdict({ policy: { ...endless, delayMs: 0 }, restarts: after(4_000) })).toMatchObject({
      delayMs: 0,
    });
  });

  it('forgets restarts when a run lived long enough, and only then', () => {
    const forgetting = { ...growing, attempts: 2, resetAfterMs: 30_000 };
    const restarts = { ...after(2), streak: 7 };
    const again = { count: 1, intervalStart: T, streak: 1, delayMs: 1_000 };
    expect(verdict({ policy: forgetting, restarts, ranMs: 30_000 })).toMatchObject(again);
    expect(verdict({ policy: forgetting, restarts, ranMs: 29_999 })).toMatchObject({ kind: 'end' });
    expect(verdict({ policy: forgetting, restarts })).toMatchObject({ kind: 'end' });
  });

  it('lets delays grow on over intervals, as long as no run lived long enough', () => {
    const forgetting = { ...growing, resetAfterMs: 30_000 };
    const restarts = { count: 2, intervalStart: T - 60_001, total: 2, streak: 2 };
    expect(verdict({ policy: forgetting, restarts })).toMatchObject({
      count: 1,
      streak: 3,
      delayMs: 4_000,
    });
    expect(verdict({ policy: growing, restarts })).toMatchObject({ streak: 1, delayMs: 1_000 });
  });

  it.each([
    [exit(0), true, { kind: 'end', outcome: 'failed', reason: 'Policy for exit code 0 is "fail"' }],
    [exit(3), true, { kind: 'end', outcome: 'complete' }],
    [exit(64), true, { kind: 'hold', reason: 'Policy for exit code 64 is "hold"' }],
    [exit(70), true, { kind: 'end', outcome: 'failed' }],
    [exit(78), true, { kind: 'hold' }],
    [exit(79), true, { kind: 'restart' }],
    [exit(80), false, { kind: 'restart', count: 1 }],
    [
      exit(null, 'SIGSEGV'),
      true,
      { kind: 'hold', reason: 'Policy for ended by SIGSEGV is "hold"' },
    ],
    [exit(null, 'SIGKILL'), true, { kind: 'restart' }],
    [lost(true), true, { kind: 'restart' }],
    [fault(true), true, { kind: 'restart' }],
  ] as const)('asks the rules for the way to end first: %j', (end, restartOnSuccess, expected) => {
    const exitCodes = exitRules({
      0: 'fail',
      3: 'complete',
      '64-78': 'hold',
      70: 'fail',
      80: 'restart',
      SIGSEGV: 'hold',
    });
    const strict = policy({ exitCodes });
    expect(verdict({ end, policy: strict, restartOnSuccess })).toMatchObject(expected);
  });

  it('may restart a success that would have been the end', () => {
    const exitCodes = exitRules({ 0: 'restart' });
    expect(
      verdict({ end: exit(0), restartOnSuccess: false, policy: policy({ exitCodes }) }),
    ).toMatchObject({ kind: 'restart', count: 1, delayMs: 1_000 });
  });

  it.each([
    [exit(1), 'Exceeded allowed attempts 2 in interval 1m and mode is "hold"'],
    [fault(false), 'Error was unrecoverable: no room'],
    [exit(0), 'Exceeded allowed attempts 2 in interval 1m and mode is "hold"'],
  ] as const)('holds instead of giving up: %j', (end, reason) => {
    const holding = policy({ mode: 'hold' });
    expect(verdict({ end, policy: holding, restarts: after(2) })).toEqual({ kind: 'hold', reason });
  });

  it('holds at the first failure when it allows no restarts, and lets success be success', () => {
    const holding = policy({ mode: 'hold', attempts: 0 });
    expect(verdict({ policy: holding })).toMatchObject({ kind: 'hold' });
    expect(verdict({ policy: holding, end: lost(true) })).toMatchObject({ kind: 'hold' });
    expect(verdict({ policy: holding, end: exit(0) })).toMatchObject({ outcome: 'complete' });
  });
});

describe('a restart that a check asked for', () => {
  const asked = (changes: Partial<PolicyInput> = {}) => verdict({ isAsked: true, ...changes });

  it('is counted and delayed like any other', () => {
    expect(asked()).toMatchObject({ kind: 'restart', count: 1, delayMs: 1_000 });
    expect(asked({ restarts: after(2) })).toMatchObject({ kind: 'end', outcome: 'failed' });
  });

  it('is a failure, however the program took its kill', () => {
    const exitCodes = exitRules({ 0: 'complete' });
    const end = exit(0);
    expect(asked({ end, policy: policy({ exitCodes }), restartOnSuccess: false })).toMatchObject({
      kind: 'restart',
    });
    expect(asked({ end, policy: policy({ attempts: 0 }) })).toMatchObject({ outcome: 'failed' });
  });
});
