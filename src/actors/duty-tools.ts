/** What every duty of a task is written with. */
import { type HoldfastError, isRetryable, messageOf } from '../errors.ts';
import type { Driver, DriverDoors, RunRequest } from '../drivers/driver.ts';
import type { HookPhase } from '../events/task-event.ts';
import type { PhaseOutcome } from '../hooks/run-phase.ts';
import type { HookFault, HookResult, TaskMessage } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { pause, type Clock, type Logger } from '../ports.ts';
import type { DutyScope } from './event-sourced.ts';
import type { StartGate } from './start-gate.ts';

export type TaskScope = DutyScope<TaskContext, TaskMessage>;

export interface TaskDoors {
  readonly driver: () => Driver;
  readonly driverDoors: DriverDoors;
  /** The run that the state is about. */
  readonly requestFor: (context: TaskContext) => RunRequest;
  /** Why that run cannot be started with the texts of its task; undefined when it can. */
  readonly whyNot: (context: TaskContext) => Promise<HoldfastError | undefined>;
  readonly runHooks: (
    phase: HookPhase,
    scope: TaskScope,
    onProgress?: (results: readonly HookResult[]) => void,
  ) => Promise<PhaseOutcome>;
  /** Has hooks fetch the secrets of that run that this agent does not know. What keeps it from starting. */
  readonly fetchSecretsAgain: (scope: TaskScope) => Promise<HookFault | undefined>;
  /** True once for a start that this very agent recorded: nothing of it can exist, so nothing need be looked up. */
  readonly isFresh: (run: RunRequest) => boolean;
  /** The run begins or was reattached: the one before it, if there is any, is not needed much longer. */
  readonly noteCurrent: (run: RunRequest) => void;
  /**
   * Of the runs before it nothing is needed any more. Not before the run holds the FIFOs of the task itself: whoever
   * holds them last takes with him what is in them.
   */
  readonly releaseOlder: () => void;
  /** The end of the run is recorded: its host may forget it. Its files stay until the alloc has ended. */
  readonly releaseRun: (run: RunRequest) => void;
  /** Has what the run of an earlier agent still writes collected, without waiting: its hosts may have died with it. */
  readonly collectFound: (run: RunRequest, signal: AbortSignal) => void;
  /** Stands by a command beside the program that an earlier agent began, until its end is recorded. */
  readonly keepSession: (run: RunRequest, session: string) => void;
  /** Has told what the driver said beyond measure of the run that ended: how much that was. */
  readonly endMessages: () => Promise<void>;
  /** Asks the driver, once, to undo what is recorded. Errors: the driver's. */
  readonly undoHoldings: (signal: AbortSignal) => Promise<void>;
  /** Also of the driver: whatever is about to start something waits here. */
  readonly gate: Pick<StartGate, 'passed'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Between two looks at something that could not be looked up, in milliseconds. */
const LOOK_AGAIN_MS = 250;

/**
 * Tries until there is an answer: undefined and passing troubles (a host that is being replaced, a machine that is
 * overloaded) mean "look again". Any other error is a bug and crashes the actor; an abort ends the trying.
 */
export async function untilKnown<T>(
  doors: TaskDoors,
  scope: TaskScope,
  look: () => Promise<T | undefined>,
): Promise<T> {
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      scope.signal.throwIfAborted();
      if (!isRetryable(error)) throw error;
      doors.logger.warn({ code: error.code, error: messageOf(error) }, 'trying again');
    }
    await pause(doors.clock, doors.clock.steady() + LOOK_AGAIN_MS, scope.signal);
  }
}

/** A phase whose failures are recorded and change nothing. */
export async function runNotedHooks(
  doors: TaskDoors,
  scope: TaskScope,
  phase: 'start' | 'prekill',
): Promise<void> {
  const { faults } = await doors.runHooks(phase, scope);
  for (const fault of faults) await scope.report({ type: 'HookFaulted', phase, fault });
}
