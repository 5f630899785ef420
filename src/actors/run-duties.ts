/** The duties that are about one run: bring it to its start, watch it to its end, end it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunOutcome, RunRequest, RunSighting, StartOutcome } from '../drivers/driver.ts';
import {
  killRetryDelayMs,
  LEFTOVER_PLAN,
  stopPlan,
  type StopStep,
} from '../machines/kill-policy.ts';
import { decideStart, type StartVerdict } from '../machines/start-decision.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import { runNotedHooks, untilKnown, type TaskDoors, type TaskScope } from './duty-tools.ts';
import { pause } from './pause.ts';

/** A host tells an end that it knows at once. */
const TOLD_WITHIN_MS = 1_000;

/** Brings the recorded start to its one outcome, whatever an earlier agent did of it. */
export async function launchRun(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  // crash point: agent.launch.begun
  const run = doors.requestFor(scope.state.context);
  doors.noteCurrent(run);
  return untilKnown(doors, scope, async () => {
    const driver = doors.driver();
    const start = async (): Promise<TaskMessage> => {
      await doors.gate.passed(scope.signal);
      return startReport(run, await driver.start(run, doors.driverDoors, scope.signal));
    };
    if (doors.isFresh(run)) return start();
    const seen = await driver.inspect(run, doors.driverDoors);
    const verdict = decideStart('starting', seen.evidence);
    // crash point: agent.launch.looked
    if (verdict.act === 'launch') return start();
    if (verdict.act === 'adopt') {
      const isWatching = await driver.adopt(run, doors.driverDoors, scope.signal);
      if (!isWatching) return toldEnd(doors, scope, run, seen);
      const { process } = seen;
      return process && { type: 'ProgramStarted', run: run.run, process };
    }
    return concludeRun(doors, scope, run, seen, verdict);
  });
}

function startReport(run: RunRequest, outcome: StartOutcome): TaskMessage {
  switch (outcome.kind) {
    case 'started':
      return { type: 'ProgramStarted', run: run.run, process: outcome.process };
    case 'refused':
      return { ...outcome, type: 'StartRefused', run: run.run };
    case 'aborted':
      return {
        type: 'StartRefused',
        run: run.run,
        code: 'START_RETRYABLE',
        message: 'the start was given up before the program began',
        isRecoverable: true,
      };
  }
}

/** An exec that failed is a refused start, unless the start is recorded: then it is an end like any other. */
function endReport(
  scope: TaskScope,
  run: RunRequest,
  outcome: RunOutcome,
  seen?: RunSighting,
): TaskMessage {
  const isStarted = scope.current().context.process !== undefined;
  switch (outcome.kind) {
    case 'refused':
      if (!isStarted) return { ...outcome, type: 'StartRefused', run: run.run };
      return { type: 'ProgramExited', run: run.run, exit: outcome.exit };
    case 'exited':
      return { type: 'ProgramExited', run: run.run, exit: outcome.exit, process: seen?.process };
    case 'lost':
      return { ...outcome, type: 'ProgramLost', run: run.run };
  }
}

/** The verdicts that end a run; undefined for those that only ask to look again. */
async function concludeRun(
  doors: TaskDoors,
  scope: TaskScope,
  run: RunRequest,
  seen: RunSighting,
  verdict: StartVerdict,
): Promise<TaskMessage | undefined> {
  switch (verdict.act) {
    case 'recordExit':
      return seen.outcome && endReport(scope, run, seen.outcome, seen);
    case 'recordAborted':
      return startReport(run, { kind: 'aborted' });
    case 'recordLost':
      return endReport(scope, run, { ...verdict, kind: 'lost' });
    case 'killAndLose':
      await endTree(doors, scope, run, () => LEFTOVER_PLAN);
      return endReport(scope, run, { kind: 'lost', reason: verdict.reason, maybeRan: true });
    case 'wait':
      doors.logger.warn({ launchKey: run.launchKey, reason: verdict.reason }, 'looking again');
      return undefined;
    default:
      return undefined;
  }
}

/** Watches a running program to its end. One that an earlier agent started is reattached first. */
export async function watchRun(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  const run = doors.requestFor(scope.state.context);
  // crash point: agent.watch.begun
  const found = await reattach(doors, scope, run);
  if (found !== 'alive') return found;
  doors.releaseOlder();
  for (const session of scope.state.context.sessions ?? []) doors.keepSession(run, session);
  // Beside the waiting: a hook that takes its time must not hold up the news of an exit. It rejects only when aborted.
  void runNotedHooks(doors, scope, 'start').catch(() => undefined);
  return endReport(scope, run, await doors.driver().wait(run, doors.driverDoors, scope.signal));
}

async function reattach(
  doors: TaskDoors,
  scope: TaskScope,
  run: RunRequest,
): Promise<TaskMessage | 'alive'> {
  const driver = doors.driver();
  if (driver.isOwn(run, doors.driverDoors)) return 'alive';
  const found = await untilKnown<TaskMessage | 'alive'>(doors, scope, async () => {
    const seen = await driver.inspect(run, doors.driverDoors);
    const verdict = decideStart('started', seen.evidence);
    if (verdict.act !== 'adopt') return concludeRun(doors, scope, run, seen, verdict);
    // crash point: agent.adopt.before
    const isWatching = await driver.adopt(run, doors.driverDoors, scope.signal);
    // crash point: agent.adopt.done
    return isWatching ? 'alive' : toldEnd(doors, scope, run, seen);
  });
  const pid = scope.state.context.process?.pid ?? 0;
  doors.noteCurrent(run);
  if (found === 'alive') await scope.report({ type: 'ProgramReattached', run: run.run, pid });
  return found;
}

/**
 * A host that does not watch a run knows how it ended, or will be asked again. No file tells the end of a program whose
 * shim has died too, and what it left behind may live for ever.
 */
async function toldEnd(
  doors: TaskDoors,
  scope: TaskScope,
  run: RunRequest,
  seen: RunSighting,
): Promise<TaskMessage | undefined> {
  const enough = new AbortController();
  const signal = AbortSignal.any([scope.signal, enough.signal]);
  const told = doors.driver().wait(run, doors.driverDoors, signal);
  const late = delay(TOLD_WITHIN_MS, undefined, { signal });
  const outcome = await Promise.race([told, late]).catch(() => undefined);
  enough.abort();
  return outcome && endReport(scope, run, outcome, seen);
}

/** Ends the run as the recorded kill says. A kill that an earlier agent began goes on to the same deadline. */
export async function killRun(doors: TaskDoors, scope: TaskScope): Promise<TaskMessage> {
  const { launch, end } = scope.state.context;
  // crash point: agent.kill.begun
  await runNotedHooks(doors, scope, 'prekill');
  if (launch === undefined || end !== undefined) return { type: 'NothingRan' };
  const run = doors.requestFor(scope.state.context);
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

/** Carries out a stop plan until nothing of the run lives. What outlives SIGKILL is reported, and tried again. */
export async function endTree(
  doors: TaskDoors,
  scope: TaskScope,
  run: RunRequest,
  plan: () => readonly StopStep[],
): Promise<'ended' | 'aborted'> {
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await untilKnown(doors, scope, () =>
      doors.driver().stop(run, plan(), doors.driverDoors, scope.signal),
    );
    if (outcome.kind !== 'stuck') return outcome.kind;
    await scope.report({ type: 'KillStuck', message: outcome.message });
    await pause(doors.clock, doors.clock.steady() + killRetryDelayMs(attempt), scope.signal);
  }
}
