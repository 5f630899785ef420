/** How allocs and their tasks are shown: plain JSON-safe objects that name the `position` they stand at. */
import type { AllocType } from '../spec/alloc-spec.ts';

export type TaskViewState =
  | 'pending'
  | 'prestart'
  | 'starting'
  | 'running'
  | 'killing'
  | 'backoff'
  /** Nothing runs and everything is kept for inspection, until it is resumed or stopped. */
  | 'held'
  | 'complete'
  | 'failed'
  | 'lost'
  | 'stopped'
  | 'stuck'
  | 'unknown';

export interface TaskView {
  readonly alloc: string;
  readonly allocId: string;
  readonly task: string;
  readonly driver: string;
  readonly state: TaskViewState;
  /** Nomad's three words. */
  readonly nomadState: 'pending' | 'running' | 'dead';
  readonly failed: boolean;
  /** Number of the newest run, 0 before the first. */
  readonly run: number;
  /** The program's pid while it runs, else null. */
  readonly pid: number | null;
  /**
   * Those that began, as Docker's RestartCount, so that it agrees with `run`. Nomad counts one when it is decided, and
   * so also the one that a task waits for, or never makes because it is stopped meanwhile.
   */
  readonly restarts: number;
  /** Of the newest run that ended; null when none did, or when it ended by a signal or was lost. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** It was ended for want of memory. */
  readonly oomKilled: boolean;
  /** ISO 8601 or null. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** When the next start begins, in state `backoff`. */
  readonly nextStartAt: string | null;
  /** Why it is as it is, for an operator: the newest reason recorded. */
  readonly reason: string;
  /** By which its newest run can be reached, as its driver made it; null: nothing of the kind. */
  readonly network: TaskNetworkView | null;
  readonly position: number;
}

export interface TaskNetworkView {
  readonly ip: string;
  /** Label of a port of the group to the port at `ip`. */
  readonly ports: Readonly<Record<string, number>>;
  /** Services that do not say otherwise are there, not at the machine's own address. */
  readonly isAdvertised: boolean;
}

export type AllocViewState =
  | 'pending'
  | 'running'
  | 'stopping'
  /** Every task is being ended, to be begun again. */
  | 'restarting'
  | 'complete'
  | 'failed'
  | 'stopped'
  | 'lost';

/** A port of the machine that an alloc has. */
export interface PortView {
  readonly label: string;
  /** What others connect to; IPv6 without brackets. */
  readonly hostIp: string;
  readonly hostPort: number;
  /** What it leads to in the alloc's own network; null: the same. */
  readonly to: number | null;
}

export interface AllocView {
  readonly alloc: string;
  readonly allocId: string;
  readonly type: AllocType;
  readonly state: AllocViewState;
  readonly isLive: boolean;
  readonly reason: string;
  readonly specHash: string;
  /** Of what it is to be like: 1 as it was accepted, one more with each update. */
  readonly version: number;
  readonly createdAt: string;
  /** `host`, `none`, `bridge` or `cni/NAME`. */
  readonly networkMode: string;
  /** In its own network, once it has one; else null. */
  readonly ip: string | null;
  /** In the order of its spec; free again when it has ended. */
  readonly ports: readonly PortView[];
  readonly tasks: readonly TaskView[];
  readonly position: number;
}
