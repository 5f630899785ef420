/** Everything an alloc's mailbox takes. */
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { AssignedPort } from '../spec/network-spec.ts';
import type { AllocEvent } from '../events/alloc-event.ts';
import type { Facts } from './chart-parts.ts';
import type { TaskContext } from './task-state.ts';

/** What an alloc needs to know of one of its tasks. */
export interface TaskStanding {
  readonly task: string;
  /** Its gate was opened for it, or somebody ended it before. */
  readonly hasBegun: boolean;
  /** A run of it has started since its gate was opened. */
  readonly hasStarted: boolean;
  readonly isRunning: boolean;
  readonly isDead: boolean;
  readonly outcome: TaskContext['outcome'];
  readonly reason: string;
  /** With how many restarts of the alloc it was begun anew. */
  readonly revival: number;
}

/** What takes an alloc that has ended. */
export type RemovalRule = NonNullable<Facts<AllocEvent, 'AllocRemoved'>['rule']>;

export type AllocCommand =
  | {
      readonly type: 'ReceiveAlloc';
      readonly spec: AllocSpec;
      readonly specHash: string;
      readonly recovered: boolean;
      /** On the steady clock, if it was accepted before; left out: now. */
      readonly acceptedAt?: number;
      /** The alloc from which it takes over, when that one has ended. */
      readonly replaces?: string;
      /** Those of the machine that it has; left out: none. */
      readonly ports?: readonly AssignedPort[];
    }
  | UpdateAlloc
  /** `isHurried`: nobody waits for shutdown delays, nor for what is left of them. */
  | { readonly type: 'StopAlloc'; readonly reason: string; readonly isHurried?: boolean }
  /** Every task is ended and begun again from the first gate on, those that are over too. */
  | { readonly type: 'RestartAlloc'; readonly reason: string }
  /** It has ended and is not to be known any more. */
  | { readonly type: 'RemoveAlloc'; readonly rule?: RemovalRule };

/** It is to be as `spec` says. `from` is the version of what `changes` was told for. */
export interface UpdateAlloc {
  readonly type: 'UpdateAlloc';
  readonly spec: AllocSpec;
  readonly specHash: string;
  readonly from: number;
  readonly changes: Facts<AllocEvent, 'AllocUpdated'>['changes'];
  /** Every task is ended and begun again, from the first gate on. */
  readonly beginsAnew: boolean;
}

export type AllocReport =
  /** The alloc that it replaces is over. */
  | { readonly type: 'PredecessorEnded' }
  /** Something became of a task, or the gates are open. `standings` are those of all tasks of the alloc. */
  | { readonly type: 'TasksChanged'; readonly standings: readonly TaskStanding[] }
  /** It was removed, and its files are still there. */
  | { readonly type: 'RemovalFailed'; readonly reason: string }
  /** It was accepted as long ago as it may run. */
  | { readonly type: 'DurationElapsed' };

export type AllocMessage = AllocCommand | AllocReport;

export type AllocMessageOf<T extends AllocMessage['type']> = Extract<AllocMessage, { type: T }>;
