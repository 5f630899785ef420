/** The collectors of output as hooks and the agent know them. */

/** The log collector of one task. Every call may be repeated. Errors: LOGMON_LOST when no host can be had. */
export interface LogmonDoor {
  /**
   * Before a program starts, and when it has ended: collects both FIFOs into files until released, and makes those that
   * are missing. A host that dies is replaced and collects on.
   */
  collect(request: CollectWish, signal: AbortSignal): Promise<void>;
  /** For a program that runs: makes no FIFO, which would not be its own. Tried until it works, also after a throw. */
  resume(request: CollectWish, signal: AbortSignal): Promise<void>;
  /** Moves what is still in the FIFOs into the files, then ends collecting. */
  release(taskKey: string, signal: AbortSignal): Promise<void>;
  /** Ends collecting for tasks with other keys than these: an agent died before it could. */
  releaseOthers(current: ReadonlySet<string>): Promise<void>;
}
export interface CollectWish {
  readonly taskKey: string;
  readonly stdoutFifo: string;
  readonly stderrFifo: string;
  readonly logDir: string;
  readonly fileStem: string;
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  /** The run that writes from now on. */
  readonly run: number;
  readonly compress: boolean;
  /** What cannot be written is thrown away and recorded; otherwise the task waits. */
  readonly dropWhenFull: boolean;
  /** Of all tasks below `logsRoot` together; 0 is no limit. */
  readonly budgetBytes: number;
  readonly logsRoot: string;
}
