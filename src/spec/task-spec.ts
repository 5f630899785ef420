/** One program to run, with every default applied. JSON-safe: it is recorded in the log. */

import type { ArtifactSpec } from './artifact-spec.ts';
import type { CheckSpec } from './check-spec.ts';
import type { HostEnvWish } from './host-env.ts';
import type { TaskNetwork } from './network-spec.ts';
import type { SecretSpec } from './secret-spec.ts';
import type { ServiceSpec } from './service-spec.ts';
import type { TemplateSpec } from './template-spec.ts';

/** Times in milliseconds. */
export interface RestartPolicy {
  readonly attempts: number;
  readonly intervalMs: number;
  readonly delayMs: number;
  /** When the attempts are used up. `hold`: nothing is cleaned up until somebody has looked. */
  readonly mode: 'fail' | 'delay' | 'hold';
  /** What to do about a run whose end nobody saw. */
  readonly onLost: 'restart' | 'fail';
  /** Each delay is twice the one before, up to `maxDelayMs`. Left out: each is `delayMs`. */
  readonly backoff?: 'exponential';
  /** Only with `backoff`. */
  readonly maxDelayMs?: number;
  /** A run that lives so long makes the restarts before it forgotten. Left out: only the interval does. */
  readonly resetAfterMs?: number;
  /** In the order in which they are looked at; the first that fits an end decides about it. */
  readonly exitCodes?: readonly ExitRule[];
}

/** What follows an end: the codes `from` to `to`, or the signal. */
export interface ExitRule {
  readonly from?: number;
  readonly to?: number;
  readonly signal?: string;
  /** `restart`: the rest of the policy decides, also after exit code 0. */
  readonly then: 'complete' | 'restart' | 'fail' | 'hold';
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
export type Gate = 'prestart' | 'main' | 'poststart' | 'poststop';

export interface TaskSpec {
  readonly name: string;
  readonly driver: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly gate: Gate;
  /** It runs beside the main tasks until they have ended. Left out: false. */
  readonly isSidecar?: boolean;
  /** Its end ends the other tasks. Left out: false. */
  readonly isLeader?: boolean;
  readonly restart: RestartPolicy;
  /** Restart after exit code 0: services and sidecars yes, batch and other lifecycle tasks no (Nomad's `onSuccess`). */
  readonly restartOnSuccess: boolean;
  readonly logs: LogPolicy;
  readonly killSignal: string;
  readonly killTimeoutMs: number;
  /** Between the wish to stop it and the kill signal. Left out: none. */
  readonly shutdownDelayMs?: number;
  readonly meta: Readonly<Record<string, string>>;
  /** Absent: the driver's default. A name, a number, or either with `:group`. */
  readonly user?: string;
  /** It runs as somebody whom nobody else on this machine is. Left out: false; never with `user`. */
  readonly isDynamicUser?: boolean;
  /** Absent: nothing is limited. */
  readonly resources?: ResourceLimits;
  /** Volumes and mounts in the order in which they are made; absent: none. */
  readonly mounts?: readonly TaskMount[];
  /** Fetched before the first start, in no order; absent: none. */
  readonly artifacts?: readonly ArtifactSpec[];
  /** Fetched before each start; absent: none. */
  readonly secrets?: readonly SecretSpec[];
  /** Filled in before each start; absent: none. */
  readonly templates?: readonly TemplateSpec[];
  /** By which its program can be found while it runs; absent: none. */
  readonly services?: readonly ServiceSpec[];
  /** How its program is looked at while it runs; absent: not at all. */
  readonly checks?: readonly CheckSpec[];
  /** Where below its local directory it finds what the group was run with; absent: nowhere. */
  readonly dispatchPayload?: { readonly file: string };
  /** That of its group; absent: the machine's own, with nothing of its own in it. */
  readonly network?: TaskNetwork;
  /** Which variables of the agent it gets; absent: none. */
  readonly hostEnv?: HostEnvWish;
  /** How `${…}` in its texts is read; absent: not at all, as before there was such a thing. */
  readonly interpolation?: InterpolationPolicy;
}
