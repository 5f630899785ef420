/**
 * The contract of a driver: how a task becomes a process. A driver is a record of functions over plain values; every
 * call may be repeated, and the launch key of the run makes it one program, ever.
 */
import type { Evidence } from '../machines/start-decision.ts';
import type { StopStep } from '../machines/kill-policy.ts';
import type { DriverNetwork, ExitFacts, ProcessFacts } from '../machines/task-messages.ts';
import type { AssignedPort } from '../spec/network-spec.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { Confinement } from './confinement.ts';
import type { DriverAgent, DriverAttachment } from './driver-agent.ts';
import type { Holding, Holdings } from './holdings.ts';
import type { RunSample, UsageDoor, UsageQuery } from './usage.ts';
import type { TaskDirs } from '../hooks/hook.ts';
import type { OutputDoor } from './output-door.ts';
import type { RunClaims } from './run-claims.ts';
import type { SessionDoor, SessionHostPlace, SessionWish } from './session.ts';
import type { TaskVoice } from './task-voice.ts';

/** Everything about one run. */
export interface RunRequest {
  readonly allocId: string;
  readonly allocName: string;
  /** With the references in its texts read. */
  readonly task: TaskSpec;
  readonly run: number;
  /** The idempotency key of the start: names its directory, container and cgroup. */
  readonly launchKey: string;
  /** Proves to a host that the caller knows the start. Never in argv or an environment. */
  readonly token: string;
  /** `HOLDFAST_MARK` of every process of the run. */
  readonly mark: string;
  readonly specHash: string;
  /** When the start was recorded; undefined for one of the first release. */
  readonly machineEpoch: string | undefined;
  readonly dirs: TaskDirs;
  /** Left out: the machine's own. */
  readonly network?: RunNetwork;
  /** Of the machine, that its group has. Left out: none. */
  readonly ports?: readonly AssignedPort[];
  /** The program's whole environment, but for what the driver itself adds (`ownEnv`). */
  readonly env: Readonly<Record<string, string>>;
}

/** What of a network the tasks of a group share. */
export interface RunNetwork {
  /** Absolute path of the namespace; left out: the machine's. */
  readonly namespace?: string;
  /** Only for programs that have a root of their own. */
  readonly hostname?: string;
}

export type StartOutcome =
  | {
      readonly kind: 'started';
      readonly process: ProcessFacts;
      /** Recorded with the start, told to whoever asks how the program can be reached. Left out: nothing was made. */
      readonly network?: DriverNetwork | undefined;
    }
  /** Proved not to have started, and never will with this key. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly isRecoverable: boolean;
    }
  /** Somebody won the abort of this key before the start. */
  | { readonly kind: 'aborted' };

export type RunOutcome =
  | { readonly kind: 'exited'; readonly exit: ExitFacts }
  /** The program could not be executed: told apart from an exit code of its own. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly isRecoverable: boolean;
      /** What a shell would say of it, for a run whose start is recorded already. */
      readonly exit: ExitFacts;
    }
  | { readonly kind: 'lost'; readonly reason: string; readonly maybeRan: boolean };

export type StopOutcome =
  /** Nothing of the run lives. */
  | { readonly kind: 'ended' }
  /** It had not been launched and never will be. */
  | { readonly kind: 'aborted' }
  | { readonly kind: 'stuck'; readonly message: string };

/** What is known of a run from outside: evidence for the decision, and the facts behind it. */
export interface RunSighting {
  readonly evidence: Evidence;
  readonly process?: ProcessFacts | undefined;
  /** As in `StartOutcome`, for a start that was not recorded. */
  readonly network?: DriverNetwork | undefined;
  readonly outcome?: RunOutcome | undefined;
}

/** How a task's program is executed: what a driver that runs a process asks the executor for. */
export interface ProgramWish {
  /** Absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Added to the environment of the run, over what the spec says: what comes of the program's user. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names of variables that it does not get, whoever set them; `*` stands for any characters. */
  readonly deniedEnv?: readonly string[];
  readonly confinement?: Confinement;
}

/**
 * The executor as drivers see it. Errors: EXECUTOR_LOST or UNAVAILABLE (retryable) when no host answers now; whether a
 * start happened is then unknown, and only `inspect` may say.
 */
export interface ExecutorDoor {
  launch(run: RunRequest, program: ProgramWish, signal: AbortSignal): Promise<StartOutcome>;
  inspect(run: RunRequest): Promise<RunSighting>;
  /** Did this very agent launch or adopt the run, so that nothing about it needs looking up? */
  isOwn(launchKey: string): boolean;
  /** Has a host watch the run; false when nothing of it lives. */
  adopt(run: RunRequest, signal: AbortSignal): Promise<boolean>;
  /** Resolves when the run has ended; survives the death of its host. Aborting only ends the waiting. */
  wait(run: RunRequest, signal: AbortSignal): Promise<RunOutcome>;
  /** Ends everything of the run; a run that nobody but its files or its mark knows can be named by its key alone. */
  stop(
    run: Pick<RunRequest, 'launchKey'>,
    plan: readonly StopStep[],
    signal: AbortSignal,
  ): Promise<StopOutcome>;
  /** False when the program had ended. */
  signal(run: RunRequest, signal: string): Promise<boolean>;
  /** The end is recorded: the host may forget the run. */
  release(run: RunRequest): Promise<void>;
  /** Has hosts forget ended runs with other keys than these. */
  forgetOthers(current: ReadonlySet<string>): Promise<void>;
}

/** What the agent gives a driver of one task, the same for all its runs. */
export interface DriverDoors {
  readonly executor: ExecutorDoor;
  readonly task: TaskVoice;
  readonly holdings: Holdings;
  /** For drivers whose program is started by somebody else, such as an engine. */
  readonly claims: RunClaims;
  /** For drivers whose program does not write into the FIFOs of its task. */
  readonly output: OutputDoor;
}

/** The task whose holdings are to be undone. */
export type EndedTask = Pick<RunRequest, 'allocId' | 'allocName' | 'task'>;

export interface Fingerprint {
  readonly health: 'undetected' | 'unhealthy' | 'healthy';
  readonly message: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Driver {
  readonly name: string;
  readonly apiVersion: 1;
  /**
   * Called once by each agent that opens, before anything is asked of it; again before the next look when it throws,
   * which counts as unhealthy.
   */
  attach?(agent: DriverAgent): DriverAttachment | Promise<DriverAttachment>;
  /**
   * Asked when an agent opens, every 30 s, and when the driver says that something changed; never twice at once. A
   * throw counts as unhealthy, and so does no answer for 10 s. What differs from the answer before is recorded:
   * attributes are of what lasts. While it is not healthy, starts of its tasks wait and new groups are refused.
   */
  fingerprint(): Promise<Fingerprint>;
  /** `later`: an opening agent does not wait for its first answer, only tasks do. Left out: it does, so it is quick. */
  readonly firstPrint?: 'later';
  /** Throws DRIVER_CONFIG_INVALID with `details.issues`. Called at acceptance and before each start. */
  checkConfig(config: Readonly<Record<string, unknown>>): void | Promise<void>;
  /** What a task asks beside its config. Called when `checkConfig` is. Throws CAPABILITY_MISSING with the reason. */
  checkTask?(task: TaskSpec): void | Promise<void>;
  /** Whom the program runs as and its directories belong to, as a spec says it. Undefined: the agent's user. */
  userOf?(task: TaskSpec): string | undefined | Promise<string | undefined>;
  /** May tasks have volumes and mounts? Left out: they are refused. */
  readonly mounts?: 'none' | 'all';
  /** May tasks be in a network that their group shares? Left out: they are refused. */
  readonly networks?: 'machine' | 'group';
  /** What the program's environment has beside the run's, and has not: as in `ProgramWish`. To be shown. */
  ownEnv?(task: TaskSpec): Promise<Pick<ProgramWish, 'env' | 'deniedEnv'>>;
  /** What the program finds at `/`: everything of the machine (left out), or the task's own directory. */
  rootOf?(task: TaskSpec): 'machine' | 'task';
  inspect(run: RunRequest, doors: DriverDoors): Promise<RunSighting>;
  start(run: RunRequest, doors: DriverDoors, signal: AbortSignal): Promise<StartOutcome>;
  /** Did this very agent start or adopt the run? */
  isOwn(run: RunRequest, doors: DriverDoors): boolean;
  adopt(run: RunRequest, doors: DriverDoors, signal: AbortSignal): Promise<boolean>;
  wait(run: RunRequest, doors: DriverDoors, signal: AbortSignal): Promise<RunOutcome>;
  stop(
    run: RunRequest,
    plan: readonly StopStep[],
    doors: DriverDoors,
    signal: AbortSignal,
  ): Promise<StopOutcome>;
  signal(run: RunRequest, signal: string, doors: DriverDoors): Promise<boolean>;
  release(run: RunRequest, doors: DriverDoors): Promise<void>;
  /**
   * The task is over: `things` are to be undone, and each forgotten (`doors.holdings`) when it is gone. Called when
   * there are any, also by an agent that never saw a start of the task. May be repeated, and is, later each time, until
   * it resolves; what it throws is recorded once. What it leaves recorded then is left for good.
   */
  cleanUp?(
    things: readonly Holding[],
    of: EndedTask,
    doors: DriverDoors,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Runs a command beside the program of a running run, confined as it. Called once for a session, after that was
   * recorded. Absent: this driver cannot. Errors: those of `SessionDoor.open`.
   */
  openSession?(
    run: RunRequest,
    wish: SessionWish,
    doors: { readonly sessions: SessionDoor },
  ): Promise<void>;
  /**
   * For drivers whose programs are in hosts of their own: the one with the run, where the agent speaks with commands
   * beside it. Undefined: it is none of these. Asked again when that does not answer. Errors: UNAVAILABLE.
   */
  sessionHost?(launchKey: string): Promise<SessionHostPlace | undefined>;
  /**
   * What a running run uses: a sample at once, then one an interval. Ends when `query.signal` aborts, or by itself when
   * the run is over; the caller stops asking then. Absent: this driver cannot tell. Errors: CAPABILITY_MISSING.
   */
  stats?(
    launchKey: string,
    query: UsageQuery,
    doors: { readonly usage: UsageDoor },
  ): AsyncIterable<RunSample>;
}
