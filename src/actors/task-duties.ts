/**
 * The work of a task's states. Every duty is idempotent: it begins by looking at what is, so it may be done again by an
 * agent that wakes up in its state. It ends with one closing report; progress may be reported before.
 */
import { LEFTOVER_PLAN } from '../machines/kill-policy.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { pause, type TaskDoors, type TaskScope } from './duty-tools.ts';
import type { Duty } from './event-sourced.ts';
import { endTree, killRun, launchRun, watchRun } from './run-duties.ts';

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
  const { results, faults } = await doors.runHooks('prestart', scope, (early) => {
    void scope.report({ type: 'HooksProgressed', phase: 'prestart', results: early });
  });
  const fault = faults[0];
  return fault === undefined
    ? { type: 'PrestartFinished', results }
    : { type: 'PrestartFaulted', results, fault };
}

/** After an end: exited hooks, then proof that nothing of the run lives, before anything may start again. */
async function settle(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  const { faults } = await doors.runHooks('exited', scope);
  await endTree(doors, scope, doors.requestFor(scope.state.context), () => LEFTOVER_PLAN);
  return { type: 'RunSettled', faults };
}

async function awaitRestart(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  await pause(doors.clock, scope.state.context.nextStartAt ?? 0, scope.signal);
  return { type: 'DelayElapsed' };
}

/** The run is forgotten last: until then its host holds the FIFOs open, and what is in them is not lost. */
async function cleanUp(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  const { faults } = await doors.runHooks('cleanup', scope);
  const { context } = scope.state;
  if (context.launch !== undefined) doors.releaseRun(doors.requestFor(context));
  return { type: 'CleanupFinished', faults };
}
