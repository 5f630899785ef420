/** Random lives under random policies, through the real decider and over any number of agents. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { taskTable } from '../../src/machines/task-machine.ts';
import { foldAll } from '../../src/testing/given.ts';
import { tries } from '../properties/tries.ts';
import {
  forgetful,
  type Life,
  live,
  type Lived,
  lives,
  type Remember,
  type Restart,
  tooOften,
} from './restart-lives.ts';

vi.setConfig({ testTimeout: 600_000 });

type Check = (life: Life, lived: Lived) => void;

const property = (check: Check, remember?: Remember) =>
  fc.property(lives, (life) => check(life, live(life, remember)));

function forAll(check: Check): void {
  fc.assert(property(check), tries(100));
}

const isWithinPolicy: Check = (life, lived) => {
  expect(tooOften(life, lived)).toBeUndefined();
};

describe('in a random life', () => {
  it('mode fail never starts again more often than its attempts in an interval', () => {
    forAll(isWithinPolicy);
  });

  it('intervals follow each other, each begins when its first restart is decided, and attempts count up in it', () => {
    forAll(({ policy }, { restarts }) => {
      let before: Restart | undefined;
      for (const restart of restarts) {
        const { attempt, intervalStart } = restart.data;
        const isNew = intervalStart !== before?.data.intervalStart;
        if (restart.isForgiven) expect(isNew).toBe(true);
        expect(attempt).toBe(isNew ? 1 : (before?.data.attempt ?? 0) + 1);
        if (isNew) expect(intervalStart).toBe(restart.decidedAt);
        if (isNew && before !== undefined && !restart.isForgiven) {
          expect(intervalStart).toBeGreaterThan(before.data.intervalStart + policy.intervalMs);
        }
        before = restart;
      }
    });
  });

  it('a delay is the policy’s, grown if it grows, and at most a quarter more', () => {
    forAll(({ policy }, { restarts }) => {
      let streak = 0;
      for (const { data, decidedAt, chance, isForgiven } of restarts) {
        const goesOn = policy.resetAfterMs === undefined ? data.attempt > 1 : !isForgiven;
        streak = goesOn ? streak + 1 : 1;
        expect(Number.isSafeInteger(data.delayMs)).toBe(true);
        expect(data.at).toBe(decidedAt + data.delayMs);
        expect(data.streak).toBe(policy.backoff === undefined ? undefined : streak);
        if (data.attempt > policy.attempts) continue;
        const { delayMs, maxDelayMs = Infinity } = policy;
        const isGrowing = policy.backoff !== undefined;
        const plainMs = isGrowing ? Math.min(delayMs * 2 ** (streak - 1), maxDelayMs) : delayMs;
        expect(data.delayMs).toBe(Math.round(plainMs * (1 + chance / 4)));
        expect(data.delayMs).toBeGreaterThanOrEqual(plainMs);
        expect(data.delayMs).toBeLessThanOrEqual(Math.ceil(plainMs * 1.25));
      }
    });
  });

  it('mode delay waits for the end of the interval once its attempts are used up, and never gives up', () => {
    forAll(({ policy }, { restarts, events }) => {
      if (policy.mode !== 'delay' || policy.attempts === 0) return;
      for (const { data } of restarts) {
        if (data.attempt > policy.attempts) {
          expect(data.at).toBe(data.intervalStart + policy.intervalMs);
        }
      }
      const gaveUp = events.find((event) => event.type === 'TaskNotRestarting');
      expect(gaveUp?.data.reason ?? '').not.toContain('Exceeded');
    });
  });

  it('mode fail gives up exactly when one more attempt would be too many', () => {
    forAll(({ policy }, { restarts, events }) => {
      const gaveUp = events.find((event) => event.type === 'TaskNotRestarting');
      if (gaveUp?.data.reason.startsWith('Exceeded') !== true) return;
      expect(policy.mode).toBe('fail');
      expect(restarts.at(-1)?.data.attempt).toBe(policy.attempts);
    });
  });

  it('an exit code’s own rule is kept, whatever the counts say', () => {
    forAll(({ policy }, { events }) => {
      const rules = policy.exitCodes ?? [];
      events.forEach((event, at) => {
        if (event.type !== 'TaskExited') return;
        const { exitCode } = event.data;
        const rule = rules.find(
          ({ from = -1, to = -1 }) => from <= Number(exitCode) && Number(exitCode) <= to,
        );
        const verdict = events[at + 1];
        if (rule?.then === 'hold') expect(verdict?.type).toBe('TaskHeld');
        if (rule?.then === 'complete') expect(verdict?.data).toMatchObject({ outcome: 'complete' });
        if (rule?.then === 'fail') expect(verdict?.data).toMatchObject({ outcome: 'failed' });
        if (rule?.then === 'restart') {
          expect(JSON.stringify(verdict?.data)).not.toContain('Restart unnecessary');
        }
      });
    });
  });

  it('mode hold never ends a task as failed or lost by itself', () => {
    forAll(({ policy }, { events }) => {
      if (policy.mode !== 'hold' || policy.exitCodes !== undefined) return;
      const outcomes = events.flatMap((event) =>
        event.type === 'TaskNotRestarting' ? [event.data.outcome] : [],
      );
      expect(outcomes.filter((outcome) => outcome !== 'complete')).toEqual([]);
    });
  });

  it('an agent that dies forgives nothing, and forgets nothing', () => {
    forAll((life, lived) => {
      const turns = life.turns.map((one) => ({ ...one, agentDies: !one.agentDies }));
      expect(live({ ...life, turns })).toEqual(lived);
      expect(foldAll(taskTable, lived.events)).toEqual(lived.state);
    });
  });

  it('the wall clock decides nothing', () => {
    forAll((life, { restarts }) => {
      const turns = life.turns.map((one) => ({ ...one, wall: 0 }));
      expect(live({ ...life, turns }).restarts).toEqual(restarts);
    });
  });
});

describe('an agent that keeps its counts in memory', () => {
  it('is found to start more often than it may (a control)', () => {
    const found = fc.check(property(isWithinPolicy, forgetful), {
      numRuns: 300,
      seed: 7,
      endOnFailure: true,
    });
    expect(found.errorInstance).toMatchObject({ name: 'AssertionError' });
  });
});
