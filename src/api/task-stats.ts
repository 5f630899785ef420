/** What tasks use, as users see it. What cannot be had on a machine is absent, never 0. */
import type { Abortable } from '../ports.ts';

export interface StatsQuery extends Abortable {
  /** Between two samples of a task. Default 1,000, at least 100. */
  readonly intervalMs?: number;
  /** Lists every process too. Default false. */
  readonly processes?: boolean;
}

/** One sample of one run; counts begin anew with each run. */
export interface TaskStats {
  readonly alloc: string;
  readonly allocId: string;
  readonly task: string;
  readonly run: number;
  /** ISO 8601, UTC, milliseconds: when it was taken. */
  readonly time: string;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  /** From and to devices: what was served from memory does not count. */
  readonly io: IoStats;
  /** Processes, and threads of all of them. */
  readonly pids: number;
  readonly threads: number;
  /** Empty unless asked for. */
  readonly processes: readonly ProcessStats[];
}

export interface CpuStats {
  /** Nanoseconds on a processor since the start of the run, of children that have ended too. */
  readonly totalNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  /** Of one core since the sample before: 150 is one core and a half. 0 in the first of a run. */
  readonly percent: number;
  /** How often, and how long, it was held up because it had used up what it may. */
  readonly throttledPeriods?: number | undefined;
  readonly throttledNs?: number | undefined;
}

export interface MemoryStats {
  /** Everything that is counted against the limit. Absent where no cgroup counts it. */
  readonly usageBytes?: number | undefined;
  /** Without a cgroup the sum over its processes: pages that they share count several times. */
  readonly rssBytes?: number | undefined;
  readonly cacheBytes?: number | undefined;
  /** Usage without file pages that were not touched lately. */
  readonly workingSetBytes?: number | undefined;
  readonly maxUsageBytes?: number | undefined;
  readonly limitBytes?: number | undefined;
  readonly swapBytes?: number | undefined;
}

export interface IoStats {
  readonly readBytes?: number | undefined;
  readonly writeBytes?: number | undefined;
}

export interface ProcessStats {
  readonly pid: number;
  /** The kernel's name of it, 15 characters: arguments may hold secrets. */
  readonly command: string;
  readonly userNs: number;
  readonly systemNs: number;
  readonly percent: number;
  readonly rssBytes: number;
}
