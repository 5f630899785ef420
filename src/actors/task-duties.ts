/**
 * The work of a task's states. Every duty is idempotent: it begins by looking at what is, so it may be done again by an
 * agent that wakes up in its state. It ends with one closing report; progress may be reported before.
 */
import { messageOf } from '../errors.ts';
import { killRetryDelayMs, LEFTOVER_PLAN } from '../machines/kill-policy.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { pause } from '../ports.ts';
import type { TaskDoors, TaskScope } from './duty-tools.ts';
import type { Duty } from './event-sourced.ts';
import { killRun } from './kill-duty.ts';
import { endTree, launchRun, watchRun } from './run-duties.ts';

export function taskDuties(
  doors: TaskDoors,
): Readonly<Record<string, Duty<TaskContext, TaskMessage>>> {
  return {
    runPrestart: (scope) => runPrestart(doors, scope),
    launch: (scope) => launchRun(doors, scope),
    watch: (scope) => watchRun(doors, scope),
    kill: (scope) => killRun(doors, scope),
    settle: (scope) => settle(doors, scope),
    awaitRestart: (scope) => awaitRestart(doors, scope),
    cleanUp: (scope) => cleanUp(doors, scope),
  };
}

async function runPrestart(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  await doors.gate.passed(scope.signal);
  // crash point: agent.prestart.begun
  const { results, faults } = await doors.runHooks('prestart', scope, (early) => {
    void scope.report({ type: 'HooksProgressed', phase: 'prestart', results: early });
  });
  const fault = faults[0];
  // crash point: agent.prestart.done
  return fault === undefined
    ? { type: 'PrestartFinished', results }
    : { type: 'PrestartFaulted', results, fault };
}

/** After an end: exited hooks, then proof that nothing of the run lives, before anything may start again. */
async function settle(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  // crash point: agent.settle.begun
  const { faults } = await doors.runHooks('exited', scope);
  await endTree(doors, scope, doors.requestFor(scope.state.context), () => LEFTOVER_PLAN);
  await doors.endMessages();
  // crash point: agent.settle.proved
  return { type: 'RunSettled', faults };
}

async function awaitRestart(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  const { nextStartAt = 0, nextStartDelayMs = 0 } = scope.state.context;
  // A machine that was started with a wrong wall clock must not wait for years.
  const longest = doors.clock.steady() + nextStartDelayMs;
  await pause(doors.clock, Math.min(nextStartAt, longest), scope.signal);
  // crash point: agent.restart.due
  return { type: 'DelayElapsed' };
}

/** The run is forgotten last: until then its host holds the FIFOs open, and what is in them is not lost. */
async function cleanUp(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  // crash point: agent.cleanup.begun
  const { faults } = await doors.runHooks('cleanup', scope);
  const { context } = scope.state;
  await undoHoldings(doors, scope);
  doors.releaseOlder();
  if (context.launch !== undefined) doors.releaseRun(doors.requestFor(context));
  // crash point: agent.cleanup.done
  return { type: 'CleanupFinished', faults };
}

/** Until the driver has undone what it recorded: what it made must not be left behind because something was away. */
async function undoHoldings(doors: TaskDoors, scope: TaskScope): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      // crash point: agent.cleanup.undoing
      return await doors.undoHoldings(scope.signal);
    } catch (error) {
      scope.signal.throwIfAborted();
      doors.logger.warn({ error: messageOf(error) }, 'what a driver made was not undone');
      await pause(doors.clock, doors.clock.steady() + killRetryDelayMs(attempt), scope.signal);
    }
  }
}
