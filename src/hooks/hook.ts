/**
 * The contract of a hook: work around a task, one hook one file. Hooks are data: their order is a list, their phases
 * are one table, and the plan of a task (the names) is recorded when the task is received.
 */
import type { LogmonDoor } from './logmon-door.ts';
import type { NetworkDoor } from './network-door.ts';
import type { CheckStatus } from '../events/task-event.ts';
import type { Clock, Logger } from '../ports.ts';
import type { TaskMount, TaskSpec } from '../spec/task-spec.ts';
import type {
  CheckFacts,
  DriverNetwork,
  ExitFacts,
  ServiceFacts,
} from '../machines/task-messages.ts';

export type { CollectWish, LogmonDoor } from './logmon-door.ts';

/** Absolute paths of one task. Everything below them may be read and written by the task but `logs`. */
export interface TaskDirs {
  /** Shared by the tasks of the alloc. */
  readonly alloc: string;
  /** The task's own: working directory of its program. */
  readonly task: string;
  readonly local: string;
  readonly secrets: string;
  readonly private: string;
  readonly tmp: string;
  /** Where the rotated output is. Outside of everything that the task can write. */
  readonly logs: string;
  /** What the output of all tasks may take up together; 0 or left out: there is no limit. */
  readonly logBudgetBytes?: number;
  readonly stdoutFifo: string;
  readonly stderrFifo: string;
}

/** What a hook is asked with. Plain values: a hook never holds the runner. */
export interface HookRequest {
  readonly allocId: string;
  readonly allocName: string;
  /** With the mounts and the user that hooks gave: in `prestart` those before this one, else all. */
  readonly task: TaskSpec;
  /** The run that is about to start, runs, or has ended; 0 before the first. */
  readonly run: number;
  readonly dirs: TaskDirs;
  /** What the hook gave as `state` when it last completed, after agent restarts too; empty at first. */
  readonly previous: Readonly<Record<string, string>>;
  /** When the newest program began: milliseconds since the epoch. */
  readonly startedAt?: number | undefined;
  /** What the driver made for the newest program to be reached by; undefined before its start: nothing, or not yet. */
  readonly driverNetwork?: DriverNetwork | undefined;
  /** What checks have said of this run, by name, as it is recorded. */
  readonly checks: Readonly<Record<string, CheckStatus>>;
  /** Only in phase `exited`, and only when the program's end is known. */
  readonly exit?: ExitFacts | undefined;
}

/** What a hook may do to the outside. */
export interface HookDoors {
  /** Aborts when the task's state is left (a kill, an agent that closes) or the hook's time is over. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Records a HookMessage for operators. */
  readonly message: (text: string) => void;
  readonly logmon: LogmonDoor;
  readonly drivers: DriverCheck;
  readonly memory: MemoryDoor;
  readonly users: UserDoor;
  readonly network: NetworkDoor;
  /** What the group was run with; undefined: nothing, or it is gone. In no log. */
  readonly payload: () => Promise<Uint8Array | undefined>;
  /** The program's environment; in `prestart` so far: with what the hooks before this one gave. Secrets are in it. */
  readonly env: () => Readonly<Record<string, string>>;
  /**
   * A text of the task with its references read, out of `env()` and what is known of node and alloc. Secrets may get
   * into it. `where` is its place in the spec, for the error: START_FAILED for a reference that nothing answers, and
   * for a secret whose value this agent does not have.
   */
  readonly read: (where: string, text: string) => string;
  /** The same for what others get to see: START_FAILED also where a secret would get into it. */
  readonly readPublic: (where: string, text: string) => string;
  /**
   * The environment as this hook found it before the start, with what was renewed since. `unknown` are variables made
   * of secrets that this agent does not have: those of a program that an earlier one started.
   */
  readonly found: () => {
    readonly env: Readonly<Record<string, string>>;
    readonly unknown: readonly string[];
  };
  /**
   * The value of a secret that a hook gave or renewed, in `prestart` one before this one; undefined: this agent has
   * none.
   */
  readonly secret: (name: string) => string | undefined;
  /**
   * Other values of secrets that this hook gave, while the program has those that it was started with: what `secret`
   * gives from now on. Resolves when everyone who follows has seen to it.
   */
  readonly renew: (secrets: readonly GivenSecret[]) => Promise<void>;
  /** `follow` is called after every renewal of the task's secrets, until `signal` aborts. It should not throw. */
  readonly onRenewal: (follow: () => Promise<void>) => void;
  /** Keyed, 128 bits: tells a text from another one, and lets nobody try out which it is. For `state`. */
  readonly hashOf: (name: string, text: string) => string;
  /** Records what is handed back as `previous` from now on. Resolves when it is recorded. Rejects once aborted. */
  readonly note: (state: Readonly<Record<string, string>>) => Promise<void>;
  /**
   * Ends the program and starts it again; `isCounted`: as after a failure, by the restart policy. Resolves when that is
   * recorded. Rejects with WRONG_STATE when no program runs.
   */
  readonly restart: (reason: string, options?: { readonly isCounted?: boolean }) => Promise<void>;
  /** Sends the program a signal, such as "SIGHUP". Resolves when that is recorded. Rejects with WRONG_STATE. */
  readonly sendSignal: (name: string, reason: string) => Promise<void>;
  /**
   * Runs a command beside the program, confined as it and recorded as `holdfast exec` is. Resolves with its end; a
   * command that does not end in time is ended. With `slot` it is not recorded, for what is run again and again; of the
   * commands in one slot of the hook only one lives. Errors: WRONG_STATE, CAPABILITY_MISSING, COMMAND_NOT_FOUND,
   * TIMEOUT.
   */
  readonly exec: (
    argv: readonly string[],
    options: {
      readonly timeoutMs: number;
      readonly slot?: string;
      /** Ends it before its time. Left out: that of the hook alone does. */
      readonly signal?: AbortSignal;
    },
  ) => Promise<CommandEnd>;
  /**
   * Records how the program can be reached, until something ends it. Only in `start` and `update`, also later while the
   * program runs. Repeatable: what is recorded so is not recorded again. Rejects once aborted.
   */
  readonly register: (service: ServiceFacts) => Promise<void>;
  /** Records that of this hook's services only these are left. When and how often as with `register`. */
  readonly withdrawOthers: (kept: readonly string[], reason: string) => Promise<void>;
  /**
   * Records what a check says when that is something else than before. Of `output` at most 4 KiB are kept, without the
   * secrets of the task. When and how often as with `register`.
   */
  readonly reportCheck: (check: CheckFacts) => Promise<void>;
}

export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last 4 KiB of what it wrote. */
  readonly output: string;
}

export interface DirectoryOwner {
  readonly uid: number;
  readonly gid: number;
  /** Also of the task's own directory, which is otherwise the root of what its program sees. */
  readonly hasTaskDir: boolean;
}

/** Directories whose files are in memory only, where nothing can be executed. Only the agent can end one. */
export interface MemoryDoor {
  /** Of a directory that is there. False where there can be none: it stays what it is. May be repeated. */
  ensure(path: string): boolean;
  /** With all that is in it; any other directory stays. May be repeated. */
  release(path: string): void;
}

/** Numbers of users for tasks that ask for one of their own. */
export interface UserDoor {
  /** The same each time until it is released; `before` is the one that the task had. Errors: RESOURCES_EXHAUSTED. */
  take(before: number | undefined): number;
  /** It may be given to others when the task is over. May be repeated. */
  release(): void;
}

export interface DriverCheck {
  /** Throws DRIVER_UNKNOWN, DRIVER_CONFIG_INVALID or CAPABILITY_MISSING. */
  check(task: TaskSpec): Promise<void>;
  /** Whom the directories of the task belong to; undefined: the agent's user. Throws START_FAILED for nobody. */
  ownerOf(task: TaskSpec): Promise<DirectoryOwner | undefined>;
}

export interface PrestartResult {
  /** Added to the task's environment, for this start and, when done, for later ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Handed back as `previous` the next time. JSON-safe, small: it stands in the log. */
  readonly state?: Readonly<Record<string, string>>;
  /**
   * Values are kept in memory and nowhere else: recorded are name, variable and a keyed hash. A hook that gives any is
   * never done: it runs before each start, and once more when an agent died between its end and the start.
   */
  readonly secrets?: readonly GivenSecret[];
  /** Beside those of the spec; kept as `env` is. Drivers without mounts refuse the start. */
  readonly mounts?: readonly TaskMount[];
  /** Whom the program runs as, instead of what the spec says. The last hook that says so wins. */
  readonly user?: string;
  /** True: the hook need not run again before later starts of this task. Use sparingly: machines get rebooted. */
  readonly isDone?: boolean;
}

export interface GivenSecret {
  /** What texts and templates call it. */
  readonly name: string;
  readonly value: string;
  /** The variable of the program that has it; left out: none. */
  readonly env?: string;
}

/** What a hook knows of a program that runs: the secrets that its own agent has not fetched. */
export type StartResult = Pick<PrestartResult, 'secrets'>;

/**
 * Every phase may be repeated (after an agent restart it is, unless its completion was recorded) and must be
 * idempotent. A throw becomes HookFailed; a HoldfastError with `retryable` lets the restart policy try again.
 */
export interface Hook {
  /** Recorded in every plan: never rename, never use again for something else. */
  readonly name: string;
  /** Is the hook part of this task's plan? Left out: always. */
  readonly when?: (task: TaskSpec) => boolean;
  /** Milliseconds that one phase may take; left out: the phase's own limit. */
  readonly timeLimitMs?: number;
  /** Before every start, restarts included, in list order; an error stops the chain and the start. */
  readonly prestart?: (request: HookRequest, doors: HookDoors) => Promise<PrestartResult | void>;
  /**
   * Nomad's poststart: when the program runs, and again after a new agent reattached. Errors change nothing. What is
   * begun here may go on, with its doors, until `signal` aborts: when the program ends or is ended.
   */
  readonly start?: (request: HookRequest, doors: HookDoors) => Promise<StartResult | void>;
  /** Before the kill signal. Errors change nothing. */
  readonly prekill?: (request: HookRequest, doors: HookDoors) => Promise<void>;
  /** After each end, before the restart verdict. Errors change nothing. */
  readonly exited?: (request: HookRequest, doors: HookDoors) => Promise<void>;
  /**
   * When the alloc was updated and its program runs on; `request.task` is what it is to be now. Also of a hook that the
   * update brought or that has nothing to do any more, and again by a new agent that finds it unrecorded. What is begun
   * here may go on, as in `start`. Errors change nothing. Before a restart by an update it is not called.
   */
  readonly update?: (request: HookRequest, doors: HookDoors) => Promise<void>;
  /** Nomad's stop: once, when the task will never run again. Always called, in reverse order. */
  readonly cleanup?: (request: HookRequest, doors: HookDoors) => Promise<void>;
}

/** Checks a hook's name and gives it back, so that a definition reads as one. */
export function defineHook(hook: Hook): Hook {
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(hook.name)) {
    throw new TypeError(`a hook is named like "task-dir", not "${hook.name}"`);
  }
  return hook;
}
