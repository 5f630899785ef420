/**
 * THE CHART of a task. Its alphabet is the alphabet of the log: every edge is a recorded event, `decide` chose it, and
 * the chart only says where it leads and what to remember. The word in `entry` is the duty of the state: idempotent
 * work, done on entering and again by every agent that wakes up there.
 *
 *     pending ─ prestart ─ starting ─ running ─ exited ─ cleanup ─ dead
 *                  └───────── backoff ───────────┘        killing from anywhere before exited
 */
import { assign, setup } from 'xstate';
import type { TaskEvent } from '../events/task-event.ts';
import { asDuty, type Facts } from './chart-parts.ts';
import { compileChart } from './chart-table.ts';
import { INITIAL_TASK, type TaskContext } from './task-state.ts';

const KILL = { target: 'killing', actions: 'keepKill' } as const;
const RECOVER = { target: 'starting', actions: 'keepRecovered' } as const;
const RESTART = { target: 'backoff', actions: 'keepRestart' } as const;
const GIVE_UP = { target: 'cleanup', actions: 'keepVerdict' } as const;
const NOTES = { HookCompleted: { actions: 'keepHook' }, HookFailed: {}, HookMessage: {} } as const;
const CLOSE = { SessionClosed: { actions: 'dropSession' } } as const;

function facts<T extends TaskEvent['type']>(event: TaskEvent, _type: T): Facts<TaskEvent, T> {
  return event.data as Facts<TaskEvent, T>;
}

export const taskMachine = setup({
  types: { context: {} as TaskContext, events: {} as TaskEvent },
  actions: {
    keepPlan: assign(({ event }) => ({ plan: facts(event, 'TaskReceived') })),
    keepHook: assign(({ context, event }) => {
      const { hook, phase, isDone, env, state } = facts(event, 'HookCompleted');
      if (phase !== 'prestart') return {};
      return { hooks: { ...context.hooks, [hook]: { isDone, env, state } } };
    }),
    keepFailedHook: assign(({ event }) => {
      const { hook, message, isRecoverable } = facts(event, 'HookFailed');
      const text = `${hook}: ${message}`;
      return {
        end: {
          kind: 'fault' as const,
          code: 'HOOK_FAILED',
          message: text,
          isRecoverable,
          at: event.at,
        },
        reason: text,
      };
    }),
    keepRun: assign(({ event }) => ({
      run: event.run,
      launch: facts(event, 'RunStarting'),
      process: undefined,
      end: undefined,
      kill: undefined,
      stuck: undefined,
      nextStartAt: undefined,
      reason: '',
    })),
    keepRecovered: assign(({ event }) => ({
      run: event.run,
      launch: facts(event, 'TaskRecovered'),
      process: undefined,
      end: undefined,
      // They were about the run before: kept, they would swallow every later wish to stop this one.
      kill: undefined,
      stuck: undefined,
      nextStartAt: undefined,
      reason: 'found again by the files of its run',
    })),
    keepProcess: assign(({ event }) => {
      const process = facts(event, 'TaskStarted');
      return { process, startedAt: process.startedAt };
    }),
    keepStartFault: assign(({ event }) => {
      const { code, message, isRecoverable } = facts(event, 'TaskStartFailed');
      return {
        end: { kind: 'fault' as const, code, message, isRecoverable, at: event.at },
        reason: message,
      };
    }),
    keepExit: assign(({ event }) => {
      const { exitCode, signal, oomKilled, exitedAt } = facts(event, 'TaskExited');
      return {
        end: { kind: 'exited' as const, exitCode, signal, oomKilled, at: exitedAt },
        finishedAt: exitedAt,
        stuck: undefined,
      };
    }),
    keepLoss: assign(({ event }) => {
      const { reason, maybeRan } = facts(event, 'TaskLost');
      return {
        end: { kind: 'lost' as const, reason, maybeRan, at: event.at },
        finishedAt: event.at,
        reason,
      };
    }),
    keepKill: assign(({ event }) => {
      const kill = facts(event, 'TaskKilling');
      return { kill, reason: kill.reason };
    }),
    keepSession: assign(({ context, event }) => {
      const { session } = facts(event, 'SessionOpened');
      return { sessions: [...(context.sessions ?? []), session] };
    }),
    dropSession: assign(({ context, event }) => {
      const { session } = facts(event, 'SessionClosed');
      const left = (context.sessions ?? []).filter((one) => one !== session);
      return { sessions: left.length === 0 ? undefined : left };
    }),
    keepStuck: assign(({ event }) => ({ stuck: facts(event, 'TaskStuck').message })),
    keepRestart: assign(({ context, event }) => {
      const { attempt, at, delayMs, reason, isCounted, intervalStart } = facts(
        event,
        'TaskRestarting',
      );
      return {
        restarts: {
          count: isCounted ? attempt : context.restarts.count,
          intervalStart,
          total: context.restarts.total + 1,
        },
        nextStartAt: at,
        nextStartDelayMs: delayMs,
        reason,
        kill: undefined,
      };
    }),
    keepVerdict: assign(({ event }) => {
      const { outcome, reason } = facts(event, 'TaskNotRestarting');
      return { outcome, reason, finishedAt: event.at };
    }),
    keepStopped: assign(({ event }) => {
      const { reason } = facts(event, 'TaskKilled');
      return { outcome: 'stopped' as const, reason, finishedAt: event.at };
    }),
    sendSignal: asDuty,
    runPrestart: asDuty,
    launch: asDuty,
    watch: asDuty,
    kill: asDuty,
    settle: asDuty,
    awaitRestart: asDuty,
    cleanUp: asDuty,
  },
}).createMachine({
  id: 'task',
  context: INITIAL_TASK,
  initial: 'pending',
  states: {
    pending: {
      on: {
        TaskReceived: { actions: 'keepPlan' },
        GateOpened: 'prestart',
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    prestart: {
      entry: 'runPrestart',
      on: {
        HookCompleted: { actions: 'keepHook' },
        HookFailed: { actions: 'keepFailedHook' },
        HookMessage: {},
        PrestartCompleted: {},
        RunStarting: { target: 'starting', actions: 'keepRun' },
        TaskRestarting: RESTART,
        TaskNotRestarting: GIVE_UP,
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    starting: {
      entry: 'launch',
      on: {
        ...NOTES,
        TaskStarted: { target: 'running', actions: 'keepProcess' },
        TaskStartFailed: { actions: 'keepStartFault' },
        // Without TaskStarted: the exit was found, and the files that say which process it was were not.
        TaskExited: { target: 'exited', actions: 'keepExit' },
        TaskLost: { target: 'exited', actions: 'keepLoss' },
        TaskRestarting: RESTART,
        TaskNotRestarting: GIVE_UP,
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    running: {
      entry: 'watch',
      on: {
        ...NOTES,
        ...CLOSE,
        TaskReattached: {},
        TaskSignaled: { actions: 'sendSignal' },
        SessionOpened: { actions: 'keepSession' },
        TaskExited: { target: 'exited', actions: 'keepExit' },
        TaskLost: { target: 'exited', actions: 'keepLoss' },
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    killing: {
      entry: 'kill',
      on: {
        ...NOTES,
        ...CLOSE,
        TaskStarted: { actions: 'keepProcess' },
        TaskReattached: {},
        TaskStuck: { actions: 'keepStuck' },
        TaskKilling: { actions: 'keepKill' },
        TaskExited: { target: 'exited', actions: 'keepExit' },
        TaskLost: { target: 'exited', actions: 'keepLoss' },
        TaskRestarting: RESTART,
        TaskRecovered: RECOVER,
        TaskKilled: { target: 'cleanup', actions: 'keepStopped' },
      },
    },
    exited: {
      entry: 'settle',
      on: {
        ...NOTES,
        ...CLOSE,
        TaskStuck: { actions: 'keepStuck' },
        TaskKilling: { actions: 'keepKill' },
        TaskKilled: { target: 'cleanup', actions: 'keepStopped' },
        TaskRestarting: RESTART,
        TaskRecovered: RECOVER,
        TaskNotRestarting: GIVE_UP,
      },
    },
    backoff: {
      entry: 'awaitRestart',
      on: { RestartDelayElapsed: 'prestart', TaskRecovered: RECOVER, TaskKilling: KILL },
    },
    cleanup: {
      entry: 'cleanUp',
      on: { ...NOTES, CleanupCompleted: 'dead' },
    },
    dead: { type: 'final' },
  },
});

export const taskTable = compileChart<TaskContext>(taskMachine);
