/** What a task remembers: the least a duty or a decision needs to go on. Everything else is a projection. */
import type { CheckStatus, EnvEntry } from '../events/task-event.ts';
import type { Gate, RestartPolicy, TaskMount } from '../spec/task-spec.ts';
import type { ChartState } from './chart-table.ts';
import type { DriverNetwork } from './task-messages.ts';

export interface HookMemory {
  readonly isDone: boolean;
  readonly env: readonly EnvEntry[];
  readonly state: Readonly<Record<string, string>>;
  readonly mounts?: readonly TaskMount[] | undefined;
  readonly user?: string | undefined;
}

/** A service as it was recorded. */
export interface ServiceMemory {
  readonly service: string;
  readonly address: string;
  readonly port?: number | undefined;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** Who said it; left out: `services`. */
  readonly hook?: string | undefined;
  /** Of the group, not of the task alone. */
  readonly isGroups?: boolean | undefined;
}

/** What a check said when it last changed its mind; `at` is since when. */
export interface CheckMemory {
  readonly status: CheckStatus;
  readonly output: string;
  readonly service?: string | undefined;
  readonly at: number;
}

/** How the newest run ended, or why it never began. */
export type RunEnd =
  | {
      readonly kind: 'exited';
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly oomKilled: boolean;
      readonly at: number;
      /** On the steady clock; only where the restart policy asks how long a run lived. */
      readonly steadyAt?: number | undefined;
    }
  | {
      readonly kind: 'lost';
      readonly reason: string;
      readonly maybeRan: boolean;
      readonly at: number;
    }
  | {
      readonly kind: 'fault';
      readonly code: string;
      readonly message: string;
      readonly isRecoverable: boolean;
      readonly at: number;
    };

/** Something that the driver made: see `drivers/holdings.ts`. */
export interface HoldingMemory {
  readonly kind: string;
  readonly id: string;
  readonly run: number;
}

export function isSameThing(
  one: Pick<HoldingMemory, 'kind' | 'id'>,
  other: Pick<HoldingMemory, 'kind' | 'id'>,
): boolean {
  return one.kind === other.kind && one.id === other.id;
}

export interface TaskContext {
  /** What the alloc handed over; undefined only before TaskReceived. */
  readonly plan?:
    | {
        readonly allocName: string;
        readonly task: string;
        readonly driver: string;
        readonly gate: Gate;
        readonly hooks: readonly string[];
        readonly restart: RestartPolicy;
        readonly restartOnSuccess: boolean;
        readonly killSignal: string;
        readonly killTimeoutMs: number;
        readonly shutdownDelayMs?: number | undefined;
        /** Of the alloc's spec that it is from; undefined: 1. */
        readonly specVersion?: number | undefined;
      }
    | undefined;
  /** Its hooks have not seen to the newest update of it yet; undefined: they have. */
  readonly isUpdating?: boolean | undefined;
  readonly hooks: Readonly<Record<string, HookMemory>>;
  /** 0 before the first run. */
  readonly run: number;
  readonly launch?:
    | {
        readonly launchKey: string;
        readonly token: string;
        readonly mark: string;
        readonly deadline: number;
        /** Not recorded by the first release. */
        readonly machineEpoch?: string | undefined;
      }
    | undefined;
  readonly process?:
    | {
        readonly pid: number;
        readonly startTime: string;
        readonly machineEpoch: string;
        readonly startedAt: number;
        readonly steadyAt?: number | undefined;
      }
    | undefined;
  /** By which the newest run can be reached; undefined: its driver made nothing of the kind. */
  readonly network?: DriverNetwork | undefined;
  /** How many messages of its driver were recorded in this run; undefined: none. */
  readonly messages?: number | undefined;
  /** What the driver has made and not undone; undefined: nothing. It is the task's, whatever its run. */
  readonly holdings?: readonly HoldingMemory[] | undefined;
  readonly end?: RunEnd | undefined;
  readonly kill?:
    | {
        readonly reason: string;
        readonly then: 'stop' | 'restart';
        readonly signal: string;
        readonly killTimeoutMs: number;
        readonly deadline: number;
        /** On the steady clock; undefined: at once. */
        readonly signalAt?: number | undefined;
        /** The restart that follows is judged as a failure's. */
        readonly isCounted?: boolean | undefined;
      }
    | undefined;
  /**
   * `count` is within the interval of the restart policy, `total` over the whole life, `streak` since a run lived long
   * enough: only of a policy whose delays grow.
   */
  readonly restarts: {
    readonly count: number;
    readonly intervalStart: number;
    readonly total: number;
    readonly streak?: number | undefined;
  };
  /** How often its alloc was begun anew with it; undefined: never. */
  readonly revival?: number | undefined;
  /** On the steady clock, and how long the whole delay is. */
  readonly nextStartAt?: number | undefined;
  readonly nextStartDelayMs?: number | undefined;
  readonly stuck?: string | undefined;
  /** Ids of commands beside the program of which no end is recorded; undefined when there are none. */
  readonly sessions?: readonly string[] | undefined;
  /** Of the newest run, by name; null for one that was taken back while its program ran on. */
  readonly services?: Readonly<Record<string, ServiceMemory | null>> | undefined;
  /** Of the newest run, by name; a check that is not here has not said anything yet. */
  readonly checks?: Readonly<Record<string, CheckMemory>> | undefined;
  readonly outcome?: 'complete' | 'failed' | 'lost' | 'stopped' | undefined;
  readonly reason: string;
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
}

/** By which the program can be reached now. */
export function standingServices({ services = {} }: TaskContext): readonly ServiceMemory[] {
  return Object.values(services).filter((one) => one !== null);
}

export type TaskState = ChartState<TaskContext>;

/** Its program can be spoken to: also while it is to be ended and the first signal is not due, as with Nomad. */
export function runsOn({ value, context }: TaskState, steady: number): boolean {
  return value === 'running' || (value === 'killing' && (context.kill?.signalAt ?? 0) > steady);
}

export const INITIAL_TASK: TaskContext = {
  hooks: {},
  run: 0,
  restarts: { count: 0, intervalStart: 0, total: 0 },
  reason: '',
};

/** Why a task is as it is, for an operator: of a failure first what happened, then what the policy said of it. */
export function reasonOf({ stuck, outcome, end, reason }: TaskContext): string {
  if (stuck !== undefined) return stuck;
  if (end === undefined) return reason;
  // Who restarts a task again and again needs to know this while it goes on.
  const isShortOfMemory = outcome === undefined && end.kind === 'exited' && end.oomKilled;
  if (outcome !== 'failed' && !isShortOfMemory) return reason;
  const cause = causeOf(end);
  if (reason === '') return cause;
  return reason.includes(cause) ? reason : `${cause}: ${reason}`;
}

export function causeOf(end: RunEnd): string {
  if (end.kind === 'fault') return end.message;
  if (end.kind === 'lost') return end.reason;
  const how = end.signal === null ? `exit code ${end.exitCode}` : `ended by ${end.signal}`;
  return end.oomKilled ? `out of memory (${how})` : how;
}

/**
 * How long the newest run lived at the least, in milliseconds; undefined when nobody saw it begin and end. Of the two
 * clocks the one that says less is believed: the wall clock may have been turned, and an agent that was away heard late
 * of the end.
 */
export function livedMs({ process, end }: TaskContext): number | undefined {
  if (process === undefined || end?.kind !== 'exited') return undefined;
  const byWall = end.at - process.startedAt;
  const { steadyAt: from } = process;
  const bySteady = from === undefined || end.steadyAt === undefined ? byWall : end.steadyAt - from;
  return Math.max(0, Math.min(byWall, bySteady));
}
