/** Everything an alloc's mailbox takes. */
import type { AllocSpec } from '../spec/alloc-spec.ts';
import type { TaskContext } from './task-state.ts';

/** What an alloc needs to know of one of its tasks. */
export interface TaskStanding {
  readonly task: string;
  readonly isDead: boolean;
  readonly outcome: TaskContext['outcome'];
  readonly reason: string;
}

export type AllocCommand =
  | {
      readonly type: 'ReceiveAlloc';
      readonly spec: AllocSpec;
      readonly specHash: string;
      readonly recovered: boolean;
    }
  | { readonly type: 'StopAlloc'; readonly reason: string }
  /** It has ended and is not to be known any more. */
  | { readonly type: 'RemoveAlloc' };

/** A task ended. `standings` are those of all tasks of the alloc. */
export interface TaskEndedReport {
  readonly type: 'TaskEnded';
  readonly task: string;
  readonly standings: readonly TaskStanding[];
}

export type AllocMessage = AllocCommand | TaskEndedReport;
