/**
 * THE CHART of a task. Its alphabet is the alphabet of the log: every edge is a recorded event, `decide` chose it, and
 * the chart only says where it leads and what to remember. The word in `entry` is the duty of the state: idempotent
 * work, done on entering and again by every agent that wakes up there.
 *
 *     pending ─ prestart ─ starting ─ running ─ exited ─ cleanup ─ dead
 *                  ├───────── backoff ───────────┤        killing from anywhere before exited
 *                  └───────── held ──────────────┘
 *
 * In `held` and `dead` nothing is done: somebody outside says what follows.
 */
import { assign, setup } from 'xstate';
import type { TaskEvent } from '../events/task-event.ts';
import { asDuty } from './chart-parts.ts';
import { compileChart } from './chart-table.ts';
import * as memory from './task-memory.ts';
import { INITIAL_TASK, type TaskContext } from './task-state.ts';

const KILL = { target: 'killing', actions: 'keepKill' } as const;
const RECOVER = { target: 'starting', actions: 'keepRecovered' } as const;
const RESTART = { target: 'backoff', actions: 'keepRestart' } as const;
const HOLD = { target: 'held', actions: 'keepHeld' } as const;
const GIVE_UP = { target: 'cleanup', actions: 'keepVerdict' } as const;
const UPDATE = { TaskUpdated: { actions: 'keepUpdate' } } as const;
const HOLDINGS = {
  HoldingRecorded: { actions: 'keepHolding' },
  HoldingForgotten: { actions: 'dropHolding' },
} as const;
const NOTES = {
  ...UPDATE,
  DriverMessage: { actions: 'keepMessage' },
  HoldingForgotten: { actions: 'dropHolding' },
  HookCompleted: { actions: 'keepHook' },
  HookNoted: { actions: 'keepNote' },
  HookFailed: {},
  HookMessage: {},
} as const;
const WORK = { ...NOTES, ...HOLDINGS } as const;
const SERVE = {
  ServiceRegistered: { actions: 'keepService' },
  ServiceDeregistered: { actions: 'dropService' },
  CheckChanged: { actions: 'keepCheck' },
} as const;
const CLOSE = { SessionClosed: { actions: 'dropSession' } } as const;

export const taskMachine = setup({
  types: { context: {} as TaskContext, events: {} as TaskEvent },
  actions: {
    keepPlan: assign(memory.keepPlan),
    keepUpdate: assign(memory.keepUpdate),
    keepUpdated: assign(memory.keepUpdated),
    keepHook: assign(memory.keepHook),
    keepNote: assign(memory.keepNote),
    keepFailedHook: assign(memory.keepFailedHook),
    keepRun: assign(memory.keepRun),
    keepRecovered: assign(memory.keepRecovered),
    keepProcess: assign(memory.keepProcess),
    keepStartFault: assign(memory.keepStartFault),
    keepExit: assign(memory.keepExit),
    keepLoss: assign(memory.keepLoss),
    keepKill: assign(memory.keepKill),
    keepSession: assign(memory.keepSession),
    dropSession: assign(memory.dropSession),
    keepService: assign(memory.keepService),
    dropService: assign(memory.dropService),
    keepCheck: assign(memory.keepCheck),
    keepMessage: assign(memory.keepMessage),
    keepHolding: assign(memory.keepHolding),
    dropHolding: assign(memory.dropHolding),
    keepStuck: assign(memory.keepStuck),
    keepRestart: assign(memory.keepRestart),
    keepVerdict: assign(memory.keepVerdict),
    keepStopped: assign(memory.keepStopped),
    keepHeld: assign(memory.keepHeld),
    forgetRestarts: assign(memory.forgetRestarts),
    keepRevival: assign(memory.keepRevival),
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
        ...UPDATE,
        TaskReceived: { actions: 'keepPlan' },
        GateOpened: 'prestart',
        TaskRevived: { actions: 'keepRevival' },
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    prestart: {
      entry: 'runPrestart',
      on: {
        ...UPDATE,
        ...HOLDINGS,
        DriverMessage: { actions: 'keepMessage' },
        HookCompleted: { actions: 'keepHook' },
        HookNoted: { actions: 'keepNote' },
        HookFailed: { actions: 'keepFailedHook' },
        HookMessage: {},
        PrestartCompleted: {},
        RunStarting: { target: 'starting', actions: 'keepRun' },
        TaskRestarting: RESTART,
        TaskNotRestarting: GIVE_UP,
        TaskHeld: HOLD,
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    starting: {
      entry: 'launch',
      on: {
        ...WORK,
        TaskStarted: { target: 'running', actions: 'keepProcess' },
        TaskStartFailed: { actions: 'keepStartFault' },
        // Without TaskStarted: the exit was found, and the files that say which process it was were not.
        TaskExited: { target: 'exited', actions: 'keepExit' },
        TaskLost: { target: 'exited', actions: 'keepLoss' },
        TaskRestarting: RESTART,
        TaskNotRestarting: GIVE_UP,
        TaskHeld: HOLD,
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    running: {
      entry: 'watch',
      on: {
        ...WORK,
        ...CLOSE,
        ...SERVE,
        TaskReattached: {},
        UpdateCompleted: { actions: 'keepUpdated' },
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
        ...WORK,
        ...CLOSE,
        TaskStarted: { actions: 'keepProcess' },
        TaskReattached: {},
        TaskSignaled: { actions: 'sendSignal' },
        SessionOpened: { actions: 'keepSession' },
        TaskStuck: { actions: 'keepStuck' },
        TaskKilling: { actions: 'keepKill' },
        TaskExited: { target: 'exited', actions: 'keepExit' },
        TaskLost: { target: 'exited', actions: 'keepLoss' },
        TaskRestarting: RESTART,
        TaskNotRestarting: GIVE_UP,
        TaskHeld: HOLD,
        TaskRecovered: RECOVER,
        TaskKilled: { target: 'cleanup', actions: 'keepStopped' },
      },
    },
    exited: {
      entry: 'settle',
      on: {
        ...WORK,
        ...CLOSE,
        TaskStuck: { actions: 'keepStuck' },
        TaskKilling: { actions: 'keepKill' },
        TaskKilled: { target: 'cleanup', actions: 'keepStopped' },
        TaskRestarting: RESTART,
        TaskRecovered: RECOVER,
        TaskNotRestarting: GIVE_UP,
        TaskHeld: HOLD,
      },
    },
    backoff: {
      entry: 'awaitRestart',
      on: {
        ...UPDATE,
        ...HOLDINGS,
        RestartDelayElapsed: 'prestart',
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    held: {
      on: {
        ...UPDATE,
        ...HOLDINGS,
        TaskResumed: { target: 'prestart', actions: 'forgetRestarts' },
        TaskRecovered: RECOVER,
        TaskKilling: KILL,
      },
    },
    cleanup: {
      entry: 'cleanUp',
      on: { ...NOTES, CleanupCompleted: 'dead' },
    },
    dead: {
      on: { ...UPDATE, TaskRevived: { target: 'pending', actions: 'keepRevival' } },
    },
  },
});

export const taskTable = compileChart<TaskContext>(taskMachine);
