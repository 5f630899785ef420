/** The duty of a kill: hooks, the shutdown delay, then the stop plan until nothing lives. */
import type { RunRequest } from '../drivers/driver.ts';
import { LEFTOVER_PLAN, stopPlan, type StopStep } from '../machines/kill-policy.ts';
import { decideStart } from '../machines/start-decision.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import { pause } from '../ports.ts';
import { runNotedHooks, untilKnown, type TaskDoors, type TaskScope } from './duty-tools.ts';
import { concludeRun, endReport, endTree, reattach } from './run-duties.ts';

/** Ends the run as the recorded kill says. A kill that an earlier agent began goes on to the same deadline. */
export async function killRun(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  const { launch, end } = scope.state.context;
  // crash point: agent.kill.begun
  await runNotedHooks(doors, scope, 'prekill');
  if (launch === undefined || end !== undefined) return { type: 'NothingRan' };
  const run = doors.requestFor(scope.state.context);
  // Nobody else may hold the FIFOs of a run that this agent has only found: its last words would go with its program.
  if (!doors.driver().isOwn(run, doors.driverDoors)) doors.collectFound(run, scope.signal);
  const early = await awaitSignal(doors, scope, run);
  if (early !== undefined) return early;
  const plan = (): readonly StopStep[] => {
    const wish = scope.current().context.kill;
    return wish === undefined ? LEFTOVER_PLAN : stopPlan(wish, doors.clock.steady());
  };
  const how = await endTree(doors, scope, run, plan);
  // crash point: agent.kill.ended
  // An abort of what had started means that its files were gone: how it ended is asked below.
  const mayBeAborted = how === 'aborted' && scope.current().context.process === undefined;
  const report = await untilKnown<TaskMessage>(doors, scope, async () => {
    const seen = await doors.driver().inspect(run, doors.driverDoors);
    // With the power the files may have gone of a start that had its chance: no abort proves anything then.
    if (mayBeAborted && seen.evidence.epoch === 'same') return { type: 'NothingRan' };
    const verdict = decideStart('started', seen.evidence);
    // Something lives after all, such as a program that was just being started.
    if (verdict.act === 'adopt') await endTree(doors, scope, run, plan);
    return concludeRun(doors, scope, run, seen, verdict);
  });
  return report.type === 'StartRefused' ? { type: 'NothingRan' } : report;
}

/**
 * Waits until the first signal is due. A program that ends before is over: then that is the report. Of a delay that an
 * earlier agent began only the rest is waited for.
 */
async function awaitSignal(
  doors: TaskDoors,
  scope: TaskScope,
  run: RunRequest,
): Promise<TaskMessage | undefined> {
  if (leftMs(doors, scope) <= 0) return undefined;
  const found = await reattach(doors, scope, run);
  if (found !== 'alive') return found;
  const enough = new AbortController();
  const signal = AbortSignal.any([scope.signal, enough.signal]);
  try {
    const ended = doors.driver().wait(run, doors.driverDoors, signal);
    const outcome = await Promise.race([ended, untilDue(doors, scope, signal)]);
    // crash point: agent.kill.delayed
    return outcome && endReport(scope, run, outcome);
  } finally {
    enough.abort();
  }
}

/** Somebody may want it sooner meanwhile. */
async function untilDue(
  doors: TaskDoors,
  scope: TaskScope,
  signal: AbortSignal,
): Promise<undefined> {
  for (let left = leftMs(doors, scope); left > 0; left = leftMs(doors, scope)) {
    const news = new AbortController();
    const due = pause(
      doors.clock,
      doors.clock.steady() + left,
      AbortSignal.any([signal, news.signal]),
    );
    await Promise.race([due, scope.noted()]).finally(() => news.abort());
  }
  return undefined;
}

function leftMs({ clock }: TaskDoors, scope: TaskScope): number {
  const { signalAt = 0 } = scope.current().context.kill ?? {};
  return signalAt - clock.steady();
}
