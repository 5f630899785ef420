/** For who writes a driver: `import … from 'holdfast/driver'`. docs/recipes/new-driver.md shows how. */
export { processDriver, type ProcessDriverSpec } from './drivers/process-driver.ts';
export type { Driver, DriverDoors, EndedTask, ExecutorDoor } from './drivers/driver.ts';
export type { Fingerprint, ProgramWish, RunNetwork, RunRequest } from './drivers/driver.ts';
export type { RunOutcome, RunSighting, StartOutcome, StopOutcome } from './drivers/driver.ts';
export type { DriverAgent, DriverAttachment } from './drivers/driver-agent.ts';
export type { Holding, Holdings, Thing } from './drivers/holdings.ts';
export type { Claim, RunClaims } from './drivers/run-claims.ts';
export type { RunSample, UsageDoor, UsageQuery } from './drivers/usage.ts';
export type { SessionCommand, SessionDoor, SessionWish } from './drivers/session.ts';
export type { TaskVoice } from './drivers/task-voice.ts';
export type { Confinement } from './drivers/confinement.ts';
export { ConfigReading } from './drivers/config-reading.ts';
export { findCommand } from './drivers/find-command.ts';
export type { Evidence } from './machines/start-decision.ts';
export type { StopStep } from './machines/kill-policy.ts';
export type { DriverNetwork, ExitFacts, ProcessFacts } from './machines/task-messages.ts';
export type { TaskSpec } from './spec/task-spec.ts';
export { HoldfastError, type ErrorCode } from './errors.ts';
