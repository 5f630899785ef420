/** Random lives under random policies, through the real decider and over any number of agents. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { TaskEvent } from '../../src/events/task-event.ts';
import { evolve } from '../../src/machines/chart-table.ts';
import { isRejection, type DecisionTools } from '../../src/machines/decision.ts';
import { decideTask } from '../../src/machines/task-decider.ts';
import { taskTable } from '../../src/machines/task-machine.ts';
import type { TaskMessage } from '../../src/machines/task-messages.ts';
import type { TaskState } from '../../src/machines/task-state.ts';
import type { RestartPolicy } from '../../src/spec/task-spec.ts';
import { exitRules } from '../../src/spec/exit-rules.ts';
import { fixedTools, foldAll } from '../../src/testing/given.ts';
import { tries } from '../properties/tries.ts';
import { EXIT_0, EXIT_1, PROCESS, T, taskSpec } from './stories.ts';

vi.setConfig({ testTimeout: 600_000 });

const PLAIN = {
  attempts: fc.constantFrom(0, 1, 2, 3, 10),
  intervalMs: fc.constantFrom(1, 1_000, 60_000, 86_400_000),
  delayMs: fc.constantFrom(0, 1, 999, 15_000, 3_600_000),
  mode: fc.constantFrom('fail', 'delay', 'hold'),
  onLost: fc.constantFrom('restart', 'fail'),
} as const;
const EXTRA = {
  backoff: fc.constant('exponential'),
  maxDelayMs: fc.constantFrom(3_600_000, 7_200_000),
  resetAfterMs: fc.constantFrom(1, 2_000, 100_000),
  exitCodes: fc.constantFrom(
    exitRules({ 0: 'restart', '1-9': 'restart' }),
    exitRules({ 0: 'hold', 1: 'complete' }),
    exitRules({ 0: 'fail' }),
  ),
} as const;
/** Half of them as Nomad has them, half with some of what it has not. */
const policies: fc.Arbitrary<RestartPolicy> = fc.oneof(
  fc.record(PLAIN),
  fc.record({ ...PLAIN, ...EXTRA }, { requiredKeys: keysOf(PLAIN) }),
);

function keysOf<T extends object>(of: T): (keyof T)[] {
  return Object.keys(of) as (keyof T)[];
}

const ends = fc.constantFrom(
  { type: 'ProgramExited', exit: EXIT_1 },
  { type: 'ProgramExited', exit: EXIT_1 },
  { type: 'ProgramExited', exit: EXIT_0 },
  { type: 'ProgramLost', reason: 'gone', maybeRan: true },
  { type: 'ProgramLost', reason: 'gone', maybeRan: false },
  { type: 'StartRefused', code: 'START_FAILED', message: 'no', isRecoverable: true },
) satisfies fc.Arbitrary<object>;

const turn = fc.record({
  end: ends,
  /** How long it ran, up to longer than any interval but the longest. */
  ranMs: fc.oneof(fc.nat(10), fc.nat(2_000), fc.nat(200_000)),
  /** How late the timer of the delay fires: an agent may be away. */
  lateMs: fc.oneof(fc.constant(0), fc.nat(5), fc.nat(100_000)),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  /** The agent dies here, and the next one folds everything anew. */
  agentDies: fc.boolean(),
  /** The wall clock is somebody's toy. */
  wall: fc.nat(2_000_000_000),
});

const lives = fc.record({
  policy: policies,
  restartOnSuccess: fc.boolean(),
  turns: fc.array(turn, { minLength: 1, maxLength: 40 }),
});
type Turn = typeof turn extends fc.Arbitrary<infer One> ? One : never;
type Life = typeof lives extends fc.Arbitrary<infer L> ? L : never;
type Restarting = Extract<TaskEvent, { type: 'TaskRestarting' }>;

interface Restart extends Pick<Restarting, 'data'> {
  /** The run before it lived so long that the policy forgets what was before. */
  readonly isForgiven: boolean;
  /** Steady time of the decision. */
  readonly decidedAt: number;
  readonly chance: number;
}

interface Lived {
  readonly restarts: readonly Restart[];
  readonly events: readonly TaskEvent[];
  readonly state: TaskState;
}

/** What an agent knows of a task when it opens. */
type Remember = (events: readonly TaskEvent[]) => TaskState;
const fromTheLog: Remember = (events) => foldAll(taskTable, events);

/** The shim tells when a program exited, and its clock was not turned. */
function endOf(end: Turn['end'], run: number, ranMs: number): TaskMessage {
  if (end.type !== 'ProgramExited') return { ...end, run };
  return { ...end, run, exit: { ...end.exit, exitedAt: PROCESS.startedAt + ranMs } };
}

/** Lives until the policy gives up or the turns are over. */
function live({ policy, restartOnSuccess, turns }: Life, remember = fromTheLog): Lived {
  const task = taskSpec({ restart: policy, restartOnSuccess });
  const events: TaskEvent[] = [];
  const restarts: Restart[] = [];
  let state: TaskState = taskTable.initial;
  let steady = T;
  let isForgiven = false;
  const mail = (message: TaskMessage, tools: Partial<DecisionTools> = {}): void => {
    const decision = decideTask(message, state, fixedTools({ steady, ...tools }));
    if (isRejection(decision)) throw decision.rejected;
    for (const event of decision) {
      state = evolve(taskTable, state, event);
      events.push(event);
      if (event.type !== 'TaskRestarting') continue;
      const chance = tools.chance ?? 0;
      restarts.push({ data: event.data, decidedAt: steady, chance, isForgiven });
    }
  };
  mail({ type: 'ReceiveTask', allocName: 'shop', task, hooks: [], openGate: 'main' });
  for (const { end, ranMs, lateMs, chance, agentDies, wall } of turns) {
    mail({ type: 'PrestartFinished', results: [] });
    const { run } = state.context;
    if (end.type !== 'StartRefused') mail({ type: 'ProgramStarted', run, process: PROCESS });
    steady += ranMs;
    if (agentDies) state = remember(events);
    const hasLived = end.type === 'ProgramExited' && ranMs >= (policy.resetAfterMs ?? Infinity);
    isForgiven = hasLived;
    mail(endOf(end, run, ranMs), { chance, now: wall });
    mail({ type: 'RunSettled', faults: [] }, { chance, now: wall });
    if (agentDies) state = remember(events);
    if (state.value !== 'backoff') break;
    steady = Math.max(steady, state.context.nextStartAt ?? steady) + lateMs;
    mail({ type: 'DelayElapsed' });
  }
  return { restarts, events, state };
}

type Check = (life: Life, lived: Lived) => void;

const property = (check: Check, remember?: Remember) =>
  fc.property(lives, (life) => check(life, live(life, remember)));

function forAll(check: Check): void {
  fc.assert(property(check), tries(100));
}

/** Fixed intervals, as in Nomad: any span of one interval meets at most two of them. */
const isWithinPolicy: Check = ({ policy }, { restarts }) => {
  if (policy.mode === 'delay') return;
  const byInterval = new Map<number, number>();
  for (const { data } of restarts) {
    byInterval.set(data.intervalStart, (byInterval.get(data.intervalStart) ?? 0) + 1);
    expect(data.attempt).toBeLessThanOrEqual(policy.attempts);
  }
  for (const count of byInterval.values()) expect(count).toBeLessThanOrEqual(policy.attempts);
  if (policy.resetAfterMs !== undefined) return;
  for (const { decidedAt } of restarts) {
    const within = restarts.filter(
      (one) => one.decidedAt >= decidedAt && one.decidedAt <= decidedAt + policy.intervalMs,
    );
    expect(within.length).toBeLessThanOrEqual(2 * policy.attempts);
  }
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
    const forgetful: Remember = (events) => {
      const state = fromTheLog(events);
      return {
        ...state,
        context: { ...state.context, restarts: taskTable.initial.context.restarts },
      };
    };
    const found = fc.check(property(isWithinPolicy, forgetful), {
      numRuns: 300,
      seed: 7,
      endOnFailure: true,
    });
    expect(found.errorInstance).toMatchObject({ name: 'AssertionError' });
  });
});
