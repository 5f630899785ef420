/**
 * THE CHART of an alloc. The rules of `task-machine.ts` hold. An alloc opens its gates in order and ends when every
 * task of it has ended; what becomes of a single task is that task's own chart.
 *
 *     pending ─ prestart ─ main ─ poststart ─ poststop ─ stopped ─ removed
 *                  └─── restarting ───┘          stopping, and back to poststop, from anywhere before
 *
 * One that replaces another is `waiting` in front of prestart until that one has stopped.
 */
import { assign, setup } from 'xstate';
import type { AllocEvent } from '../events/alloc-event.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { AssignedPort } from '../spec/network-spec.ts';
import { keepUpdate, type UpdatedParts } from './alloc-update.ts';
import { asDuty, type Facts } from './chart-parts.ts';
import { compileChart, type ChartState } from './chart-table.ts';

export interface AllocContext extends UpdatedParts {
  readonly name: string;
  /** Undefined only before AllocReceived. */
  readonly spec?: AllocSpec | undefined;
  readonly specHash: string;
  readonly createdAt: number;
  readonly status?: 'complete' | 'failed' | 'stopped' | 'lost' | undefined;
  /** When it ended, on the steady clock, and by the wall clock. */
  readonly endedAt?: number | undefined;
  readonly stoppedAt?: number | undefined;
  /** Somebody asked for the end, as against a task's failure that brought it. */
  readonly isStopWished: boolean;
  readonly reason: string;
  /** Why it ends, when that was no wish. */
  readonly cause?: Facts<AllocEvent, 'AllocStopping'>['cause'];
  /** On the steady clock: when the first task is ended, and when the alloc is at the latest. */
  readonly killAt?: number | undefined;
  readonly runUntil?: number | undefined;
  /** No task waits for its shutdown delay. */
  readonly isHurried?: boolean | undefined;
  /** Tasks behind poststop have begun. */
  readonly isPoststopOpen?: boolean | undefined;
  /** Those of the machine that it has; undefined: none. */
  readonly ports?: readonly AssignedPort[] | undefined;
  /** Why its files could not be removed at first. */
  readonly removalFailure?: string | undefined;
  /** What took it. */
  readonly rule?: Facts<AllocEvent, 'AllocRemoved'>['rule'];
  /** How often it was begun anew; undefined: never. */
  readonly restarts?: number | undefined;
  /** The alloc from which it takes over, until that one is over. */
  readonly predecessor?: string | undefined;
}

export type AllocState = ChartState<AllocContext>;

const INITIAL_ALLOC: AllocContext = {
  name: '',
  specHash: '',
  createdAt: 0,
  isStopWished: false,
  reason: '',
};

const STOP = { target: 'stopping', actions: 'keepStop' } as const;
const RESTART = { target: 'restarting', actions: 'keepReason' } as const;
const POSTSTOP = { target: 'poststop', actions: 'keepPoststop' } as const;
const END = { target: 'stopped', actions: 'keepStatus' } as const;
/** The duty of the state begins anew: it sees to what is different. */
const updated = <S extends string>(target: S) => ({ target, actions: 'keepUpdate' }) as const;

function facts<T extends AllocEvent['type']>(event: AllocEvent, _type: T): Facts<AllocEvent, T> {
  return event.data as Facts<AllocEvent, T>;
}

export const allocMachine = setup({
  types: { context: {} as AllocContext, events: {} as AllocEvent },
  actions: {
    keepSpec: assign(({ event }) => {
      const { name, spec, specHash, runUntil, ports } = facts(event, 'AllocReceived');
      const limit = runUntil === undefined ? {} : { runUntil };
      const places = ports === undefined ? {} : { ports };
      return { name, spec: spec as AllocSpec, specHash, createdAt: event.at, ...limit, ...places };
    }),
    keepUpdate: assign(({ context, event }) => keepUpdate(context, facts(event, 'AllocUpdated'))),
    keepPredecessor: assign(({ event }) => facts(event, 'AllocReplacing')),
    dropPredecessor: assign(() => ({ predecessor: undefined })),
    keepStop: assign(({ event }) => {
      const { reason, isWished, cause, killAt, isHurried } = facts(event, 'AllocStopping');
      return { reason, isStopWished: isWished, cause, killAt, isHurried };
    }),
    keepPoststop: assign(() => ({ isPoststopOpen: true })),
    keepReason: assign(({ event }) => ({ reason: facts(event, 'AllocRestarting').reason })),
    countRestart: assign(({ context }) => ({ restarts: (context.restarts ?? 0) + 1, reason: '' })),
    keepStatus: assign(({ event }) => ({ ...facts(event, 'AllocStopped'), stoppedAt: event.at })),
    keepRule: assign(({ event }) => facts(event, 'AllocRemoved')),
    keepFailure: assign(({ event }) => ({
      removalFailure: facts(event, 'AllocRemovalFailed').reason,
    })),
    awaitPredecessor: asDuty,
    openPrestart: asDuty,
    openMain: asDuty,
    openPoststart: asDuty,
    openPoststop: asDuty,
    stopTasks: asDuty,
    restartTasks: asDuty,
    forgetFiles: asDuty,
  },
}).createMachine({
  id: 'alloc',
  context: INITIAL_ALLOC,
  initial: 'pending',
  states: {
    pending: {
      on: { AllocReceived: { target: 'prestart', actions: 'keepSpec' } },
    },
    waiting: {
      entry: 'awaitPredecessor',
      on: {
        AllocReplaced: { target: 'prestart', actions: 'dropPredecessor' },
        AllocUpdated: { actions: 'keepUpdate' },
        AllocStopping: STOP,
      },
    },
    prestart: {
      entry: 'openPrestart',
      on: {
        AllocReplacing: { target: 'waiting', actions: 'keepPredecessor' },
        AllocGateOpened: 'main',
        AllocUpdated: updated('prestart'),
        AllocRestarting: RESTART,
        AllocStopping: STOP,
        AllocStopped: END,
      },
    },
    main: {
      entry: 'openMain',
      on: {
        AllocPoststartOpened: 'poststart',
        AllocPoststopOpened: POSTSTOP,
        AllocUpdated: updated('main'),
        AllocRestarting: RESTART,
        AllocStopping: STOP,
        AllocStopped: END,
      },
    },
    poststart: {
      entry: 'openPoststart',
      on: {
        AllocPoststopOpened: POSTSTOP,
        AllocUpdated: updated('poststart'),
        AllocRestarting: RESTART,
        AllocStopping: STOP,
        AllocStopped: END,
      },
    },
    restarting: {
      entry: 'restartTasks',
      on: {
        AllocRestarted: { target: 'prestart', actions: 'countRestart' },
        AllocUpdated: updated('restarting'),
        AllocStopping: STOP,
      },
    },
    stopping: {
      entry: 'stopTasks',
      // The duty begins anew: it may be told to hurry, or to end more than before.
      on: { AllocStopping: STOP, AllocPoststopOpened: POSTSTOP, AllocStopped: END },
    },
    poststop: {
      entry: 'openPoststop',
      on: { AllocStopping: STOP, AllocStopped: END },
    },
    stopped: {
      entry: 'forgetFiles',
      on: { AllocRemoved: { target: 'removed', actions: 'keepRule' } },
    },
    removed: {
      on: { AllocRemovalFailed: { actions: 'keepFailure' } },
    },
  },
});

export const allocTable = compileChart<AllocContext>(allocMachine);
