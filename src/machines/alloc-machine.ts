/**
 * THE CHART of an alloc. The rules of `task-machine.ts` hold. An alloc opens its gates in order and ends when every
 * task of it has ended; what becomes of a single task is that task's own chart.
 */
import { assign, setup } from 'xstate';
import type { AllocEvent } from '../events/alloc-event.ts';
import type { AllocSpec } from '../spec/alloc-spec.ts';
import { asDuty, type Facts } from './chart-parts.ts';
import { compileChart, type ChartState } from './chart-table.ts';

export interface AllocContext {
  readonly name: string;
  /** Undefined only before AllocReceived. */
  readonly spec?: AllocSpec | undefined;
  readonly specHash: string;
  readonly createdAt: number;
  readonly status?: 'complete' | 'failed' | 'stopped' | 'lost' | undefined;
  /** Somebody asked for the end, as against a task's failure that brought it. */
  readonly isStopWished: boolean;
  readonly reason: string;
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
const END = { target: 'stopped', actions: 'keepStatus' } as const;

function facts<T extends AllocEvent['type']>(event: AllocEvent, _type: T): Facts<AllocEvent, T> {
  return event.data as Facts<AllocEvent, T>;
}

export const allocMachine = setup({
  types: { context: {} as AllocContext, events: {} as AllocEvent },
  actions: {
    keepSpec: assign(({ event }) => {
      const { name, spec, specHash } = facts(event, 'AllocReceived');
      return { name, spec: spec as AllocSpec, specHash, createdAt: event.at };
    }),
    keepStop: assign(({ event }) => {
      const { reason, isWished } = facts(event, 'AllocStopping');
      return { reason, isStopWished: isWished };
    }),
    keepStatus: assign(({ event }) => facts(event, 'AllocStopped')),
    openPrestart: asDuty,
    openMain: asDuty,
    stopTasks: asDuty,
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
    prestart: {
      entry: 'openPrestart',
      on: { AllocGateOpened: 'main', AllocStopping: STOP, AllocStopped: END },
    },
    main: {
      entry: 'openMain',
      on: { AllocStopping: STOP, AllocStopped: END },
    },
    stopping: {
      entry: 'stopTasks',
      on: { AllocStopping: { actions: 'keepStop' }, AllocStopped: END },
    },
    stopped: {
      entry: 'forgetFiles',
      on: { AllocRemoved: 'removed' },
    },
    removed: { type: 'final' },
  },
});

export const allocTable = compileChart<AllocContext>(allocMachine);
