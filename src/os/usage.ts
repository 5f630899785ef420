/** What a run uses, as far as this machine can tell: what cannot be had is absent, never 0. */

export interface CpuUse {
  /** Nanoseconds on a processor since the start, of children that have ended too. */
  readonly totalNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  /** Periods in which the run had used up what it may. */
  readonly throttledPeriods?: number | undefined;
  readonly throttledNs?: number | undefined;
}

export interface MemoryUse {
  readonly usageBytes?: number | undefined;
  readonly rssBytes?: number | undefined;
  readonly cacheBytes?: number | undefined;
  /** Usage without pages of files that were not touched lately, as Kubernetes and Docker count it. */
  readonly workingSetBytes?: number | undefined;
  readonly maxUsageBytes?: number | undefined;
  readonly limitBytes?: number | undefined;
  readonly swapBytes?: number | undefined;
}

/** Bytes from and to devices. */
export interface IoUse {
  readonly readBytes?: number | undefined;
  readonly writeBytes?: number | undefined;
}

export interface ProcessUse {
  readonly pid: number;
  /** Clock ticks since boot: with the pid, an identity. */
  readonly startTime: string;
  /** The kernel's name of it, 15 characters at most; its arguments may hold secrets. */
  readonly command: string;
  readonly userNs: number;
  readonly systemNs: number;
  /** Of children that have ended and were counted by it. */
  readonly endedChildrenUserNs: number;
  readonly endedChildrenSystemNs: number;
  readonly threads: number;
  readonly rssBytes: number;
}

export interface RunUse {
  readonly cpu: CpuUse;
  readonly memory: MemoryUse;
  readonly io: IoUse;
  readonly processCount: number;
  readonly threadCount: number;
  /** Empty unless they had to be looked at one by one, or were asked for. */
  readonly processes: readonly ProcessUse[];
}
