/**
 * The facts of one task's life, version 1. The words are the same in the log, in the chart, in the API and in
 * `events --jsonl`. Extend the list, never change a meaning: a new meaning is a new word, and a changed shape is a new
 * `schema` number with a step in `upcasters.ts`. Times are milliseconds since the epoch unless a name says otherwise.
 */
import { fields, flag, list, nullable, oneOf, optional, record, text, whole } from './shape.ts';
import { checkStatus, envEntry, gate, launch, mount, phase, restart } from './task-shapes.ts';
import { DRIVER_FACTS, driverNetwork } from './driver-facts.ts';
import type { EventOf } from './envelope.ts';

export const TASK_EVENTS = {
  ...DRIVER_FACTS,
  /** The alloc handed the task over. What is needed to decide about it later is recorded with it. */
  TaskReceived: {
    schema: 1,
    data: fields({
      allocName: text,
      task: text,
      driver: text,
      gate,
      hooks: list(text),
      restart,
      restartOnSuccess: flag,
      killSignal: text,
      killTimeoutMs: whole,
      shutdownDelayMs: optional(whole),
      specVersion: optional(whole),
    }),
  },
  /**
   * The alloc was updated, and the task is to be as its spec of version `specVersion` says: what TaskReceived recorded,
   * anew. `isRestarted`: hooks run again, and restarts are counted anew.
   */
  TaskUpdated: {
    schema: 1,
    data: fields({
      specVersion: whole,
      isRestarted: flag,
      hooks: list(text),
      restart,
      restartOnSuccess: flag,
      killSignal: text,
      killTimeoutMs: whole,
      shutdownDelayMs: optional(whole),
    }),
  },
  /** The hooks of a program that runs on have seen to the update. */
  UpdateCompleted: { schema: 1, data: fields({ specVersion: whole }) },
  /** The alloc let the task begin. */
  GateOpened: { schema: 1, data: fields({ gate }) },
  /** What the hook gave is in the event, so that a finished hook need not run again after an agent restart. */
  HookCompleted: {
    schema: 1,
    data: fields({
      hook: text,
      phase,
      tookMs: whole,
      isDone: flag,
      env: list(envEntry),
      state: record(text),
      mounts: optional(list(mount)),
      user: optional(text),
    }),
  },
  HookFailed: {
    schema: 1,
    data: fields({ hook: text, phase, tookMs: whole, isRecoverable: flag, message: text }),
  },
  HookMessage: { schema: 1, data: fields({ hook: text, phase, message: text }) },
  /** What the hook knows by now, instead of the `state` that it gave before the start. */
  HookNoted: { schema: 1, data: fields({ hook: text, state: record(text) }) },
  PrestartCompleted: { schema: 1, data: fields({}) },
  /** Written before anything of the run exists. `mark` is what the run's processes carry in their environment. */
  RunStarting: {
    schema: 1,
    data: launch,
  },
  /** After a lost store the files of the newest run were found: the facts of its RunStarting, told again. */
  TaskRecovered: {
    schema: 1,
    data: launch,
  },
  /**
   * `startTime` is the kernel's, in clock ticks since boot: with the machine epoch it makes `pid` an identity.
   * `steadyAt` is when this was recorded, on the steady clock; only where the restart policy asks how long a run lived.
   * `network` is what the driver made for the program; left out: nothing.
   */
  TaskStarted: {
    schema: 1,
    data: fields({
      pid: whole,
      startTime: text,
      machineEpoch: text,
      startedAt: whole,
      steadyAt: optional(whole),
      network: optional(driverNetwork),
    }),
  },
  TaskStartFailed: {
    schema: 1,
    data: fields({ code: text, message: text, isRecoverable: flag }),
  },
  TaskExited: {
    schema: 1,
    data: fields({
      exitCode: nullable(whole),
      signal: nullable(text),
      oomKilled: flag,
      exitedAt: whole,
      steadyAt: optional(whole),
    }),
  },
  /** The run ended, or may have, and nobody can say how. Never success. */
  TaskLost: { schema: 1, data: fields({ reason: text, maybeRan: flag }) },
  /** A new agent found the run alive. */
  TaskReattached: { schema: 1, data: fields({ pid: whole }) },
  TaskSignaled: { schema: 1, data: fields({ signal: text, reason: optional(text) }) },
  /**
   * Somebody runs a command beside the program; written before the command begins. `argv` without what looks like a
   * secret (spec/redact-argv.ts). `user` is empty when it is the task's, `actor` when nobody said who he is.
   */
  SessionOpened: {
    schema: 1,
    data: fields({ session: text, argv: list(text), user: text, isTerminal: flag, actor: text }),
  },
  /** The command ended, or was never begun, or nobody can say: then there is neither code nor signal. */
  SessionClosed: {
    schema: 1,
    data: fields({
      session: text,
      exitCode: nullable(whole),
      signal: nullable(text),
      reason: text,
    }),
  },
  /**
   * The program can be reached so. Until it is taken back, which is recorded before anything ends the program. Said
   * again, the later one holds. `isGroups`: it is a service of the group, which this task gives. `hook` is who said it;
   * left out: `services`.
   */
  ServiceRegistered: {
    schema: 1,
    data: fields({
      service: text,
      address: text,
      port: optional(whole),
      tags: list(text),
      meta: record(text),
      isGroups: optional(flag),
      hook: optional(text),
    }),
  },
  /** `mayReturn`: the program runs on and may be reached so again; left out: not before its next run. */
  ServiceDeregistered: {
    schema: 1,
    data: fields({ service: text, reason: text, mayReturn: optional(flag) }),
  },
  /**
   * Written when a check says something else than before; `before` is left out for the first result of a run. `output`
   * is at most 4 KiB, without secrets. `service` is whose check it is: left out, the task's own.
   */
  CheckChanged: {
    schema: 1,
    data: fields({
      check: text,
      service: optional(text),
      status: checkStatus,
      before: optional(checkStatus),
      output: text,
    }),
  },
  /**
   * `then` says what follows the kill. `deadline` is when force is used, `signalAt` when the first signal is sent: left
   * out, at once. Said again, it may only become earlier. `isCounted`: the restart is judged as a failure's.
   */
  TaskKilling: {
    schema: 1,
    data: fields({
      reason: text,
      then: oneOf('stop', 'restart'),
      signal: text,
      killTimeoutMs: whole,
      deadline: whole,
      signalAt: optional(whole),
      isCounted: optional(flag),
    }),
  },
  TaskKilled: { schema: 1, data: fields({ reason: text }) },
  /**
   * `at` is when the next start begins; chance was drawn once and is in it. `attempt` counts within the interval,
   * `streak` since a run lived long enough to have them forgotten: what a delay that grows grows with.
   */
  TaskRestarting: {
    schema: 1,
    data: fields({
      attempt: whole,
      at: whole,
      delayMs: whole,
      reason: text,
      isCounted: flag,
      intervalStart: whole,
      streak: optional(whole),
    }),
  },
  RestartDelayElapsed: { schema: 1, data: fields({}) },
  TaskNotRestarting: {
    schema: 1,
    data: fields({ outcome: oneOf('complete', 'failed', 'lost'), reason: text }),
  },
  /** Nothing runs and nothing is cleaned up: somebody is to look at it, then to resume or to stop it. */
  TaskHeld: { schema: 1, data: fields({ reason: text }) },
  TaskResumed: { schema: 1, data: fields({}) },
  /** Its alloc was begun again, for the `revival`th time, and so is the task, with counts of its own. */
  TaskRevived: { schema: 1, data: fields({ revival: whole }) },
  /** The process outlived SIGKILL. Reported and retried, never dropped. */
  TaskStuck: { schema: 1, data: fields({ message: text }) },
  CleanupCompleted: { schema: 1, data: fields({}) },
} as const;

export type TaskEvent = EventOf<typeof TASK_EVENTS>;
export type TaskEventType = keyof typeof TASK_EVENTS;
export type CheckStatus = 'passing' | 'warning' | 'critical';
export type HookPhase = 'prestart' | 'start' | 'prekill' | 'exited' | 'update' | 'cleanup';
export type EnvEntry = { name: string; value?: string; secret?: string; hash?: string };
