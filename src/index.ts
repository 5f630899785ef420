/** The public names. What is not listed here is not promised. */
export { openOrchestrator, type OrchestratorOptions } from './orchestrator.ts';
export type {
  AgentView,
  AllocHandle,
  AllocView,
  AllocViewState,
  EventQuery,
  Orchestrator,
  PublicEvent,
  RecoveryOutcome,
  RecoveryReport,
  ProcessStats,
  RunOptions,
  StatsQuery,
  TaskHandle,
  TaskStats,
  TaskView,
  TaskViewState,
} from './api.ts';
export type { LogChunk, LogGap, LogQuery, RestartOptions, StopOptions } from './api.ts';
export type { AttachOptions, ExecChunk, ExecExit, ExecOptions, ExecSession } from './api.ts';
export type { SessionCommand, SessionDoor, SessionWish } from './drivers/session.ts';
export type { GroupSpecInput } from './spec/group-schema.ts';
export type { TaskSpec } from './spec/task-spec.ts';
export type { AllocEvent } from './events/alloc-event.ts';
export type { NodeEvent } from './events/node-event.ts';
export type { TaskEvent } from './events/task-event.ts';
export { defineHook, type Hook, type HookDoors, type HookRequest } from './hooks/hook.ts';
export type { PrestartResult } from './hooks/hook.ts';
export { builtinDrivers } from './drivers/registry.ts';
export { exec, type ExecDriverOptions } from './drivers/exec.ts';
export { rawExec } from './drivers/raw-exec.ts';
export type { RunSample, UsageDoor, UsageQuery } from './drivers/usage.ts';
export { processDriver, type ProcessDriverSpec } from './drivers/process-driver.ts';
export type { Driver, Fingerprint, ProgramWish, RunRequest } from './drivers/driver.ts';
export { logFrames, type FrameOptions, type LogFrame } from './output/frames.ts';
export { ERROR_CODES, HoldfastError, type ErrorCode, type ErrorRecord } from './errors.ts';
export type { Abortable, Clock, Logger, Random } from './ports.ts';
export { PACKAGE_VERSION } from './version.ts';
