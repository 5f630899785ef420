/** One program to run, with every default applied. JSON-safe: it is recorded in the log. */

import type { HostEnvWish } from './host-env.ts';

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
  /** Full files are compressed. Left out: false. */
  readonly compress?: boolean;
  /** What happens while output cannot be written. Left out: 'block', the task waits. */
  readonly whenFull?: 'block' | 'drop';
  /** Nothing is collected: what the program writes goes to /dev/null. Left out: false. */
  readonly disabled?: boolean;
}

/** What a program may use. What is absent is not limited. */
export interface ResourceLimits {
  /** Share of the processors in cores, when they are contended: 1 is what an unlimited neighbour gets. */
  readonly cpu?: number;
  /** Cores that may be used at most, also when others are idle. */
  readonly cpuMax?: number;
  /** Processors that may be used, as the kernel lists them: "0-1,3". */
  readonly cpuset?: string;
  /** MiB; hard, unless `memoryMaxMb` is the hard limit: then what is kept for the task when memory is short. */
  readonly memoryMb?: number;
  readonly memoryMaxMb?: number;
  /** Processes and threads. */
  readonly pids?: number;
}

export type Propagation = 'private' | 'host-to-task' | 'bidirectional';

/** Something of the machine, or room of its own, that a task sees at `destination`. Absolute paths. */
export type TaskMount =
  | {
      readonly type: 'bind';
      /** Name of the group's volume that it is; absent for a mount of the task's own. */
      readonly volume?: string;
      readonly source: string;
      readonly destination: string;
      readonly readOnly: boolean;
      readonly propagation: Propagation;
    }
  | {
      readonly type: 'tmpfs';
      readonly destination: string;
      readonly readOnly: boolean;
      readonly sizeMb?: number;
      /** Octal. */
      readonly mode?: string;
    };

/** How the references in a task's texts are read. Recorded: what a text means does not change under a live alloc. */
export interface InterpolationPolicy {
  /** Of `interpolate.ts`. */
  readonly rules: 1;
  /** A reference that nothing answers keeps the task from starting, or stays as it was written. */
  readonly unknown: 'error' | 'keep';
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
  /** Absent: the driver's default. A name, a number, or either with `:group`. */
  readonly user?: string;
  /** Absent: nothing is limited. */
  readonly resources?: ResourceLimits;
  /** Volumes and mounts in the order in which they are made; absent: none. */
  readonly mounts?: readonly TaskMount[];
  /** Which variables of the agent it gets; absent: none. */
  readonly hostEnv?: HostEnvWish;
  /** How `${…}` in its texts is read; absent: not at all, as before there was such a thing. */
  readonly interpolation?: InterpolationPolicy;
}
