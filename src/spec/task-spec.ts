/** One program to run, with every default applied. JSON-safe: it is recorded in the log. */

/** Times in milliseconds. */
export interface RestartPolicy {
  readonly attempts: number;
  readonly intervalMs: number;
  readonly delayMs: number;
  readonly mode: 'fail' | 'delay';
  /** What to do about a run whose end nobody saw. */
  readonly onLost: 'restart' | 'fail';
}

export interface LogPolicy {
  readonly maxFiles: number;
  /** MiB of one file. */
  readonly maxFileSizeMb: number;
}

/** Which gate of the alloc lets the task start. */
export type Gate = 'prestart' | 'main';

export interface TaskSpec {
  readonly name: string;
  readonly driver: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly gate: Gate;
  readonly restart: RestartPolicy;
  /** Restart after exit code 0: services yes, batch and prestart tasks no (Nomad's `onSuccess`). */
  readonly restartOnSuccess: boolean;
  readonly logs: LogPolicy;
  readonly killSignal: string;
  readonly killTimeoutMs: number;
  readonly meta: Readonly<Record<string, string>>;
}
