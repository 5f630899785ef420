/** What a run uses, as drivers tell it. */
import type { Abortable } from '../ports.ts';
import type { CpuUse, IoUse, MemoryUse, ProcessUse } from '../os/usage.ts';

export interface UsageQuery extends Abortable {
  readonly intervalMs: number;
  readonly withProcesses: boolean;
}

export interface RunSample {
  readonly atMs: number;
  /** The same moment on the machine's monotonic clock: shares are of the time between two of these. */
  readonly monotonicMs: number;
  readonly cpu: CpuUse;
  readonly memory: MemoryUse;
  readonly io: IoUse;
  readonly processCount: number;
  readonly threadCount: number;
  /** Empty unless asked for. */
  readonly processes: readonly SampledProcess[];
}

export type SampledProcess = Pick<
  ProcessUse,
  'pid' | 'startTime' | 'command' | 'userNs' | 'systemNs' | 'rssBytes'
>;

/** What runs of executor hosts use. */
export interface UsageDoor {
  /**
   * One sample at once, then one an interval, over any number of hosts, until `signal` aborts: whether the run is over
   * is for the caller to know. A slow reader gets the newest. Errors: CAPABILITY_MISSING when its host is too old.
   */
  follow(launchKey: string, query: UsageQuery): AsyncIterable<RunSample>;
}
