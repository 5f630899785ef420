/** Random lives of a task under random restart policies, through the real decider and over any number of agents. */
import fc from 'fast-check';
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
import { EXIT_0, EXIT_1, PROCESS, T, taskSpec } from './stories.ts';

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

export const lives = fc.record({
  policy: policies,
  restartOnSuccess: fc.boolean(),
  turns: fc.array(turn, { minLength: 1, maxLength: 40 }),
});
type Turn = typeof turn extends fc.Arbitrary<infer One> ? One : never;
export type Life = typeof lives extends fc.Arbitrary<infer L> ? L : never;
type Restarting = Extract<TaskEvent, { type: 'TaskRestarting' }>;

export interface Restart extends Pick<Restarting, 'data'> {
  /** The run before it lived so long that the policy forgets what was before. */
  readonly isForgiven: boolean;
  /** Steady time of the decision. */
  readonly decidedAt: number;
  readonly chance: number;
}

export interface Lived {
  readonly restarts: readonly Restart[];
  readonly events: readonly TaskEvent[];
  readonly state: TaskState;
}

/** What an agent knows of a task when it opens. */
export type Remember = (events: readonly TaskEvent[]) => TaskState;
const fromTheLog: Remember = (events) => foldAll(taskTable, events);

/** The shim tells when a program exited, and its clock was not turned. */
function endOf(end: Turn['end'], run: number, ranMs: number): TaskMessage {
  if (end.type !== 'ProgramExited') return { ...end, run };
  return { ...end, run, exit: { ...end.exit, exitedAt: PROCESS.startedAt + ranMs } };
}

/** Lives until the policy gives up or the turns are over. */
export function live({ policy, restartOnSuccess, turns }: Life, remember = fromTheLog): Lived {
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

/** An agent that keeps its counts in memory: a control. */
export const forgetful: Remember = (events) => {
  const state = fromTheLog(events);
  const { restarts } = taskTable.initial.context;
  return { ...state, context: { ...state.context, restarts } };
};

/** How a life went beyond what its policy allows, if it did. Any span of one interval meets at most two of them. */
export function tooOften({ policy }: Life, { restarts }: Lived): string | undefined {
  if (policy.mode === 'delay') return undefined;
  const { attempts, intervalMs, resetAfterMs } = policy;
  const byInterval = new Map<number, number>();
  for (const { data } of restarts) {
    const count = (byInterval.get(data.intervalStart) ?? 0) + 1;
    byInterval.set(data.intervalStart, count);
    const most = Math.max(data.attempt, count);
    if (most > attempts) return `restart ${most} of ${attempts} from ${data.intervalStart} on`;
  }
  if (resetAfterMs !== undefined) return undefined;
  for (const { decidedAt } of restarts) {
    const isWithin = (one: Restart): boolean =>
      one.decidedAt >= decidedAt && one.decidedAt <= decidedAt + intervalMs;
    const { length } = restarts.filter(isWithin);
    if (length > 2 * attempts) return `${length} restarts in ${intervalMs} ms, of ${attempts}`;
  }
  return undefined;
}
