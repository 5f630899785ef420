/** Everything a task's mailbox takes: commands ask for something, reports tell what a duty found. */
import type { CheckStatus, EnvEntry, HookPhase } from '../events/task-event.ts';
import type { Gate, TaskMount, TaskSpec } from '../spec/task-spec.ts';

export interface HookResult {
  readonly hook: string;
  readonly tookMs: number;
  readonly isDone: boolean;
  readonly env: readonly EnvEntry[];
  readonly state: Readonly<Record<string, string>>;
  /** Beside those of the spec. Left out: none. */
  readonly mounts?: readonly TaskMount[];
  /** Whom the program runs as. Left out: as the spec or an earlier hook says. */
  readonly user?: string;
}
export interface HookFault {
  readonly hook: string;
  readonly tookMs: number;
  readonly isRecoverable: boolean;
  readonly message: string;
}
export interface ProcessFacts {
  readonly pid: number;
  readonly startTime: string;
  readonly machineEpoch: string;
  readonly startedAt: number;
}
/** What a driver made for the program of a run to be reached by. */
export interface DriverNetwork {
  /** Where the program is, for whoever is on this machine. */
  readonly ip: string;
  /** Label of a port of the group to the port at `ip`. */
  readonly ports: Readonly<Record<string, number>>;
  /** Services that do not say otherwise are to be reached here, not at the machine's own address. */
  readonly isAdvertised: boolean;
}
export interface ExitFacts {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oomKilled: boolean;
  readonly exitedAt: number;
}

/** How the program of a run can be reached. */
export interface ServiceFacts {
  readonly service: string;
  readonly address: string;
  readonly port?: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** It is the group's, and taken back when the group begins to end. Left out: the task's own. */
  readonly isGroups?: true;
}
export interface CheckFacts {
  readonly check: string;
  /** Whose it is; left out: the task's own. */
  readonly service?: string;
  readonly status: CheckStatus;
  readonly output: string;
}

/** Who runs what beside the program. */
export interface SessionFacts {
  readonly session: string;
  /** Without secrets. */
  readonly argv: readonly string[];
  readonly user: string;
  readonly isTerminal: boolean;
  readonly actor: string;
}
export interface SessionEndFacts {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly reason: string;
}

export type TaskCommand =
  | {
      readonly type: 'ReceiveTask';
      readonly allocName: string;
      readonly task: TaskSpec;
      readonly hooks: readonly string[];
      readonly openGate: Gate | null;
      /** Of the alloc's spec; left out: 1. */
      readonly specVersion?: number;
    }
  | { readonly type: 'OpenGate'; readonly gate: Gate }
  /**
   * Its alloc was updated: it is `task` from now on. `restartVersion` is the newest version that asks for another start
   * of it, 0 if none does.
   */
  | {
      readonly type: 'UpdateTask';
      readonly task: TaskSpec;
      readonly hooks: readonly string[];
      readonly version: number;
      readonly restartVersion: number;
    }
  /** `isHurried`: it does not wait for its shutdown delay, nor for what is left of it. */
  | { readonly type: 'StopTask'; readonly reason: string; readonly isHurried?: boolean }
  /** `isCounted`: something failed, and the restart policy has the last word; left out: somebody wants it. */
  | { readonly type: 'RestartTask'; readonly reason: string; readonly isCounted?: boolean }
  /** A task that is held goes on, with new counts. */
  | { readonly type: 'ResumeTask' }
  /** Its alloc was begun anew, for the `revival`th time: what has ended waits for its gate again. */
  | { readonly type: 'ReviveTask'; readonly revival: number }
  /** The group begins to end: its services are taken back, its programs may go on for a while. */
  | { readonly type: 'WithdrawServices'; readonly reason: string }
  | { readonly type: 'SignalTask'; readonly signal: string; readonly reason?: string }
  | ({ readonly type: 'OpenSession' } & SessionFacts);

export type TaskReport =
  | {
      readonly type: 'HooksProgressed';
      readonly phase: HookPhase;
      readonly results: readonly HookResult[];
    }
  /** Of a hook that goes on beside the program. */
  | {
      readonly type: 'HookLearned';
      readonly hook: string;
      readonly state: Readonly<Record<string, string>>;
    }
  | { readonly type: 'HookFaulted'; readonly phase: HookPhase; readonly fault: HookFault }
  | {
      readonly type: 'HookSpoke';
      readonly phase: HookPhase;
      readonly hook: string;
      readonly message: string;
    }
  /** `hook` left out: `services`. */
  | {
      readonly type: 'RegisterService';
      readonly run: number;
      readonly hook?: string;
      readonly service: ServiceFacts;
    }
  /** Of the services that this hook has registered, only those of these names are meant any more. */
  | {
      readonly type: 'WithdrawOthers';
      readonly run: number;
      readonly hook: string;
      readonly kept: readonly string[];
      readonly reason: string;
    }
  | ({ readonly type: 'ReportCheck'; readonly run: number } & CheckFacts)
  | {
      readonly type: 'DriverSpoke';
      readonly topic: string;
      readonly message: string;
      readonly details: Readonly<Record<string, string>>;
    }
  | { readonly type: 'RecordHolding'; readonly kind: string; readonly id: string }
  | { readonly type: 'ForgetHolding'; readonly kind: string; readonly id: string }
  | { readonly type: 'PrestartFinished'; readonly results: readonly HookResult[] }
  | {
      readonly type: 'PrestartFaulted';
      readonly results: readonly HookResult[];
      readonly fault: HookFault;
    }
  | {
      readonly type: 'ProgramStarted';
      readonly run: number;
      readonly process: ProcessFacts;
      readonly network?: DriverNetwork | undefined;
    }
  | {
      readonly type: 'StartRefused';
      readonly run: number;
      readonly code: string;
      readonly message: string;
      readonly isRecoverable: boolean;
    }
  | { readonly type: 'ProgramReattached'; readonly run: number; readonly pid: number }
  | {
      readonly type: 'ProgramExited';
      readonly run: number;
      readonly exit: ExitFacts;
      /** For a program whose start was not reported yet. */
      readonly process?: ProcessFacts | undefined;
      readonly network?: DriverNetwork | undefined;
    }
  | {
      readonly type: 'ProgramLost';
      readonly run: number;
      readonly reason: string;
      readonly maybeRan: boolean;
    }
  | ({ readonly type: 'SessionEnded'; readonly session: string } & SessionEndFacts)
  /** The kill found nothing to kill, and nothing can start any more. */
  | { readonly type: 'NothingRan' }
  | { readonly type: 'KillStuck'; readonly message: string }
  /** The hooks of a running program have seen to the update of this version. */
  | {
      readonly type: 'UpdateFinished';
      readonly specVersion: number;
      readonly faults: readonly HookFault[];
    }
  | { readonly type: 'RunSettled'; readonly faults: readonly HookFault[] }
  | { readonly type: 'DelayElapsed' }
  | { readonly type: 'CleanupFinished'; readonly faults: readonly HookFault[] }
  | {
      readonly type: 'RunFound';
      readonly run: number;
      readonly launchKey: string;
      readonly token: string;
      readonly mark: string;
      readonly machineEpoch: string;
    };

export type TaskMessage = TaskCommand | TaskReport;

export type MessageOf<T extends TaskMessage['type']> = Extract<TaskMessage, { type: T }>;
