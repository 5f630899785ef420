/**
 * What a user of the library holds: the same interface in process (`openOrchestrator`) and over a socket (`client/`).
 * Handles do no I/O; views are plain JSON-safe objects that name the `position` they stand at, so that a view can be
 * followed by `events({ after: view.position })` without a hole. Every waiting call takes `signal`; an aborted call
 * that was to return a value rejects with ABORTED, an aborted iteration just ends.
 */
import type { Observable } from 'rxjs';
import type { HoldfastError } from './errors.ts';
import type { Abortable } from './ports.ts';
import type { GroupSpecInput } from './spec/group-schema.ts';
import type { AuditCalls } from './api/actor.ts';
import type { CountCalls } from './api/agent-counts.ts';
import type { SinkView } from './api/event-sinks.ts';
import type { ExecCalls, ExecOptions, ExecSession } from './api/exec-session.ts';
import type { PlanCalls } from './api/group-plan.ts';
import type { LogChunk, LogQuery, WaitingLog } from './api/task-logs.ts';
import type { SchedulerIdentity } from './spec/scheduler-identity.ts';
import type { GcCalls } from './api/alloc-gc.ts';
import type { EventQuery, PublicEvent } from './api/public-event.ts';
import type { EnvCalls, TaskEnvView } from './api/task-env.ts';
import type { HealthCalls } from './api/task-health.ts';
import type { HistoryEntry, NomadTaskEvent, WhyChain } from './api/task-history.ts';
import type { StatsQuery, TaskStats } from './api/task-stats.ts';
import type { AllocView, TaskView } from './api/task-views.ts';

export type * from './api/actor.ts';
export type * from './api/agent-counts.ts';
export type * from './api/alloc-gc.ts';
export type * from './api/event-sinks.ts';
export type * from './api/exec-session.ts';
export type * from './api/public-event.ts';
export type * from './api/task-health.ts';
export type * from './api/task-history.ts';
export type * from './api/task-logs.ts';
export type * from './api/task-views.ts';
export type * from './api/task-env.ts';
export type * from './api/group-plan.ts';
export type { ProcessStats, StatsQuery, TaskStats } from './api/task-stats.ts';

export interface RunOptions extends Abortable {
  /**
   * Given by a scheduler. A live alloc of this id and of the group's name is made what the group says, in place or not
   * at all (WRONG_STATE); any other that was used is refused for ever. Left out: the live alloc of the same name, or a
   * uuid.
   */
  readonly allocId?: string;
  /** A uuid, the allocId of a new alloc: asked again with it, the same group is that alloc, ended or not. */
  readonly requestId?: string;
  /** What a scheduler calls the alloc: its programs are told. Recorded with a new alloc, else not looked at. */
  readonly identity?: SchedulerIdentity;
  /**
   * For the tasks that ask for it (`dispatchPayload`): at most 16 KiB. Kept with a new alloc, else not looked at. It is
   * in the file of its spec and in no log.
   */
  readonly payload?: Uint8Array;
  /**
   * Only if the live alloc of that name is at this version (`AllocView.version`); 0: only if there is none. Otherwise
   * VERSION_CONFLICT. One that is what the group says already is the answer at any version.
   */
  readonly ifVersion?: number;
}

export interface StopOptions extends Abortable {
  readonly reason?: string;
  /**
   * 'skip': no task waits for its shutdown delay, nor for what is left of one that has begun, and poststop tasks that
   * run already are ended too. Default 'keep'.
   */
  readonly shutdownDelay?: 'keep' | 'skip';
}

export interface RestartOptions {
  /**
   * 'running', the default: each task that runs is ended and started again. 'all': the whole alloc is begun anew, from
   * the first gate on, with those of its tasks that are over.
   */
  readonly tasks?: 'running' | 'all';
}

/** Does no I/O by itself. `task` is a task's name. */
export interface TaskHandle {
  readonly allocId: string;
  readonly task: string;
  view(): Promise<TaskView>;
  signal(signal: string): Promise<void>;
  restart(): Promise<void>;
  /** As `Orchestrator.resume`. */
  resume(): Promise<void>;
  logs(query?: LogQuery): AsyncIterable<LogChunk>;
  /** As `Orchestrator.exec`. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecSession>;
  stats(query?: StatsQuery): AsyncIterable<TaskStats>;
  /** As `Orchestrator.env`. */
  env(): Promise<TaskEnvView>;
  /** In Nomad's types and texts: the newest ten, or all of them. */
  nomadEvents(options?: { readonly all?: boolean }): Promise<readonly NomadTaskEvent[]>;
  /** Resolves when the task will not run again. */
  wait(options?: Abortable): Promise<TaskView>;
}

export interface AllocHandle {
  readonly allocId: string;
  readonly alloc: string;
  task(name: string): TaskHandle;
  view(): Promise<AllocView>;
  /** Resolves when every task has ended. */
  stop(options?: StopOptions): Promise<AllocView>;
  /** As `Orchestrator.restart`. */
  restart(options?: RestartOptions): Promise<void>;
  resume(): Promise<void>;
  /** Resolves when the alloc has ended, whatever way. */
  wait(options?: Abortable): Promise<AllocView>;
  events(query?: Omit<EventQuery, 'ref'>): AsyncIterable<PublicEvent>;
}

export type RecoveryOutcome =
  | 'reattached'
  | 'finished-while-away'
  | 'lost'
  | 'restarting'
  | 'starting'
  /** It waits for somebody to look at it. */
  | 'held'
  /** Nothing could be told of it yet; the agent goes on looking. */
  | 'unknown'
  | 'quarantined';

/** What opening found. */
export interface RecoveryReport {
  /** Events that were folded: all there are, or those that are newer than the snapshots. */
  readonly events: number;
  readonly streams: number;
  readonly head: number;
  readonly tookMs: number;
  readonly agentEpoch: number;
  readonly tasks: readonly {
    readonly alloc: string;
    readonly allocId: string;
    readonly task: string;
    readonly outcome: RecoveryOutcome;
  }[];
  /** Set when a damaged store was moved aside. */
  readonly damage: {
    readonly movedTo: string;
    readonly reason: string;
    readonly recovered: number;
    readonly lost: number | null;
  } | null;
}

export interface AgentView {
  readonly version: string;
  readonly pid: number;
  readonly storeId: string;
  readonly instanceId: string;
  readonly agentEpoch: number;
  readonly head: number;
  readonly dataDir: string;
  /** Why starts wait now, if they do: `boot-sweep`, `disk-low`, `safe-mode`. */
  readonly startsHeld: readonly string[];
  /** Output that cannot be written, as far as hosts have told within 15 s: its program waits at a full pipe. */
  readonly outputWaiting: readonly WaitingLog[];
  /** Where events are sent. */
  readonly sinks: readonly SinkView[];
  readonly drivers: readonly {
    readonly driver: string;
    readonly health: string;
    readonly message: string;
  }[];
  /** What this machine can do for tasks: `executor.isolated`, `limits.memory` …, each with the reason. */
  readonly capabilities: readonly {
    readonly name: string;
    readonly isAvailable: boolean;
    /** Why not, or by what. */
    readonly reason: string;
  }[];
}

export interface Orchestrator
  extends
    AsyncDisposable,
    AuditCalls,
    CountCalls,
    ExecCalls,
    EnvCalls,
    HealthCalls,
    GcCalls,
    PlanCalls {
  readonly recovery: RecoveryReport;
  /**
   * Resolves when this orchestrator works no more: with nothing after `close`, with the error after a fail-stop (the
   * log could not be written: STORE_FAILED; a newer agent took over: EPOCH_STALE). Tasks go on; after STORE_FAILED open
   * another one. Never rejects.
   */
  readonly ended: Promise<HoldfastError | undefined>;
  agent(): Promise<AgentView>;
  /**
   * Accepts a group and starts it. A live alloc of that name, or of that allocId, is made what the group says: the same
   * spec changes nothing, another one does what `plan` tells; the answer is that alloc, or the one that replaces it. It
   * resolves when that is recorded, not when it is done.
   * Errors: SPEC_INVALID, DRIVER_UNKNOWN, DRIVER_CONFIG_INVALID, ALREADY_EXISTS, VERSION_CONFLICT, AMBIGUOUS,
   * WRONG_STATE; with `details.mayBeAccepted` an answer that was lost: ask again with `details.allocId` as `requestId`,
   * or the very same when an allocId was given.
   */
  run(spec: GroupSpecInput, options?: RunOptions): Promise<AllocHandle>;
  /** A REF is a name, an allocId or a unique prefix of one. Errors: NOT_FOUND, AMBIGUOUS (details.matches). */
  alloc(ref: string): Promise<AllocHandle>;
  /** Live allocs, with `all` finished ones too, oldest first. */
  allocs(options?: { all?: boolean }): Promise<readonly AllocView[]>;
  /** REF is `ALLOC` or `ALLOC/TASK`. */
  inspect(ref: string, options?: { at?: number }): Promise<AllocView>;
  stop(ref: string, options?: StopOptions): Promise<AllocView>;
  /** Errors: WRONG_STATE for what does not run; USAGE for 'all' of one task. */
  restart(ref: string, options?: RestartOptions): Promise<void>;
  /**
   * Lets a task that is held go on, with restart counts that begin anew; of an alloc every task that is held. Errors:
   * WRONG_STATE when none is.
   */
  resume(ref: string): Promise<void>;
  signal(ref: string, signal: string): Promise<void>;
  /** Every event of an alloc and its tasks, or of a task, with the states that it led to. */
  history(ref: string): Promise<readonly HistoryEntry[]>;
  /** From the newest fact about a REF back to what set it off; of a live alloc a chain for each task. */
  why(ref: string): Promise<readonly WhyChain[]>;
  logs(ref: string, query?: LogQuery): AsyncIterable<LogChunk>;
  /**
   * What tasks use: at once, then every interval, over restarts, until the tasks are over; without a REF of all tasks
   * of live allocs, also of those that come. A slow reader gets the newest. Errors: CAPABILITY_MISSING,
   * USAGE, WRONG_STATE when they are over already.
   */
  stats(ref?: string, query?: StatsQuery): AsyncIterable<TaskStats>;
  events(query?: EventQuery): AsyncIterable<PublicEvent>;
  events$(query?: EventQuery): Observable<PublicEvent>;
  /** 'stop' ends every task first, 'leave' leaves them running for the next agent. */
  close(options?: { tasks?: 'stop' | 'leave' } & Abortable): Promise<void>;
}
