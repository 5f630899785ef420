/** The duties that are about one run: bring it to its start, watch it to its end. */
import { setTimeout as delay } from 'node:timers/promises';
import type { HoldfastError } from '../errors.ts';
import type { RunOutcome, RunRequest, RunSighting, StartOutcome } from '../drivers/driver.ts';
import { killRetryDelayMs, LEFTOVER_PLAN, type StopStep } from '../machines/kill-policy.ts';
import { decideStart, type StartVerdict } from '../machines/start-decision.ts';
import type { HookFault, TaskMessage } from '../machines/task-messages.ts';
import { pause } from '../ports.ts';
import { runNotedHooks, untilKnown, type TaskDoors, type TaskScope } from './duty-tools.ts';

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
      const fault = await doors.fetchSecretsAgain(scope);
      if (fault !== undefined) return faultedReport(run, fault);
      const { context } = scope.current();
      const refused = await doors.whyNot(context);
      if (refused !== undefined) return refusedReport(run, refused);
      // What was fetched again is in the environment of the very same run.
      const whole = context === scope.state.context ? run : doors.requestFor(context);
      return startReport(run, await driver.start(whole, doors.driverDoors, scope.signal));
    };
    if (doors.isFresh(run)) return start();
    const seen = await driver.inspect(run, doors.driverDoors);
    const verdict = decideStart('starting', seen.evidence);
    // crash point: agent.launch.looked
    if (verdict.act === 'launch') return start();
    if (verdict.act === 'adopt') {
      const isWatching = await driver.adopt(run, doors.driverDoors, scope.signal);
      if (!isWatching) return toldEnd(doors, scope, run, seen);
      const { process, network } = seen;
      return process && { type: 'ProgramStarted', run: run.run, process, network };
    }
    return concludeRun(doors, scope, run, seen, verdict);
  });
}

/** Nothing was asked of anybody. */
function refusedReport(run: RunRequest, { code, message }: HoldfastError): TaskMessage {
  return { type: 'StartRefused', run: run.run, code, message, isRecoverable: false };
}

function faultedReport(run: RunRequest, { hook, message, isRecoverable }: HookFault): TaskMessage {
  const text = `${hook}: ${message}`;
  return { type: 'StartRefused', run: run.run, code: 'HOOK_FAILED', message: text, isRecoverable };
}

function startReport(run: RunRequest, outcome: StartOutcome): TaskMessage {
  switch (outcome.kind) {
    case 'started':
      return { ...outcome, type: 'ProgramStarted', run: run.run };
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
export function endReport(
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
    case 'exited': {
      const { process, network } = seen ?? {};
      return { type: 'ProgramExited', run: run.run, exit: outcome.exit, process, network };
    }
    case 'lost':
      return { ...outcome, type: 'ProgramLost', run: run.run };
  }
}

/** The verdicts that end a run; undefined for those that only ask to look again. */
export async function concludeRun(
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
  void standBy(doors, scope).catch(() => undefined);
  return endReport(scope, run, await doors.driver().wait(run, doors.driverDoors, scope.signal));
}

/** The hooks of a program that runs: when it has begun, or was found, and whenever its alloc is updated under it. */
async function standBy(doors: TaskDoors, scope: TaskScope): Promise<void> {
  await runNotedHooks(doors, scope, 'start');
  for (;;) {
    scope.signal.throwIfAborted();
    // Asked for before the look: what is noted in between must not be missed.
    const news = scope.noted();
    const state = scope.current();
    const { isUpdating, plan } = state.context;
    if (isUpdating === true) {
      // crash point: agent.update.hooks
      const { faults } = await doors.runHooks('update', { ...scope, state });
      // crash point: agent.update.hooked
      const specVersion = plan?.specVersion ?? 1;
      await scope.report({ type: 'UpdateFinished', specVersion, faults });
    } else await news;
  }
}

export async function reattach(
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
