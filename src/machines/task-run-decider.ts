/** What a task makes of reports about its run, and what follows when the run is over. */
import type { TaskEvent } from '../events/task-event.ts';
import type { Decision, DecisionTools } from './decision.ts';
import { restartVerdict } from './restart-policy.ts';
import { failed, makeTaskEvent, START_DEADLINE_MS, type Maker } from './task-facts.ts';
import type { MessageOf } from './task-messages.ts';
import { livedMs, type RunEnd, type TaskState } from './task-state.ts';

type OwnReport = MessageOf<
  'ProgramStarted' | 'StartRefused' | 'ProgramReattached' | 'ProgramExited' | 'ProgramLost'
>;

export function decideRun(
  message: OwnReport | MessageOf<'RunFound'>,
  state: TaskState,
  make: Maker,
  tools: DecisionTools,
): Decision<TaskEvent> {
  const { value, context } = state;
  if (message.type === 'RunFound') {
    if (value === 'cleanup' || value === 'dead' || message.run <= context.run) return [];
    const { launchKey, token, mark, machineEpoch } = message;
    const deadline = tools.steady + START_DEADLINE_MS;
    const found = { launchKey, token, mark, deadline, machineEpoch };
    return [makeTaskEvent(message.run, tools.now)('TaskRecovered', found)];
  }
  const isLive = value === 'starting' || value === 'running' || value === 'killing';
  // A kill may be under way before the first run, and between two.
  const isOpen = context.launch !== undefined && context.end === undefined;
  if (!isLive || !isOpen || message.run !== context.run) return [];
  return decideOwn(message, state, make, tools);
}

function decideOwn(
  message: OwnReport,
  { value, context }: TaskState,
  make: Maker,
  tools: DecisionTools,
): Decision<TaskEvent> {
  const isAgeAsked = context.plan?.restart.resetAfterMs !== undefined;
  const steadyAt = isAgeAsked ? { steadyAt: tools.steady } : {};
  switch (message.type) {
    case 'ProgramStarted':
      return context.process === undefined
        ? [make('TaskStarted', { ...message.process, ...steadyAt, ...networkOf(message) })]
        : [];
    case 'StartRefused': {
      if (value !== 'starting') return [];
      const { code, message: text, isRecoverable } = message;
      const end: RunEnd = { kind: 'fault', code, message: text, isRecoverable, at: tools.now };
      return [
        make('TaskStartFailed', { code, message: text, isRecoverable }),
        verdict(context, end, make, tools),
      ];
    }
    case 'ProgramReattached':
      return value === 'starting' ? [] : [make('TaskReattached', { pid: message.pid })];
    case 'ProgramExited': {
      const exited = make('TaskExited', { ...message.exit, ...steadyAt });
      if (context.process !== undefined || message.process === undefined) return [exited];
      const started = { ...message.process, ...steadyAt, ...networkOf(message) };
      return [make('TaskStarted', started), exited];
    }
    case 'ProgramLost': {
      const { reason, maybeRan } = message;
      return [make('TaskLost', { reason, maybeRan })];
    }
  }
}

function networkOf({ network }: Pick<MessageOf<'ProgramStarted'>, 'network'>) {
  return network === undefined ? {} : { network };
}

export function decideEnd(
  message: MessageOf<'NothingRan' | 'KillStuck' | 'RunSettled'>,
  { value, context }: TaskState,
  make: Maker,
  tools: DecisionTools,
): Decision<TaskEvent> {
  if (message.type === 'KillStuck') {
    if ((value !== 'killing' && value !== 'exited') || context.stuck === message.message) return [];
    return [make('TaskStuck', { message: message.message })];
  }
  if (message.type === 'NothingRan') {
    return value === 'killing' ? [afterKill(context, make, tools)] : [];
  }
  if (value !== 'exited') return [];
  const faults = message.faults.map((fault) => failed(make, 'exited', fault));
  if (context.kill !== undefined) return [...faults, afterKill(context, make, tools)];
  return context.end === undefined
    ? faults
    : [...faults, verdict(context, context.end, make, tools)];
}

function afterKill(context: TaskState['context'], make: Maker, tools: DecisionTools): TaskEvent {
  const { kill, restarts } = context;
  if (kill?.then !== 'restart') return make('TaskKilled', { reason: kill?.reason ?? '' });
  if (kill.isCounted === true) {
    return verdict(context, context.end ?? asked(kill, tools), make, tools);
  }
  return make('TaskRestarting', {
    attempt: restarts.count,
    at: tools.steady,
    delayMs: 0,
    reason: kill.reason,
    isCounted: false,
    intervalStart: restarts.intervalStart,
  });
}

/** A restart was asked for, and nothing ran that could have ended. */
function asked({ reason }: { readonly reason: string }, { now }: DecisionTools): RunEnd {
  return { kind: 'fault', code: 'RESTART_ASKED', message: reason, isRecoverable: true, at: now };
}

/** The restart policy's answer as the event that records it. */
export function verdict(
  context: TaskState['context'],
  end: RunEnd,
  make: Maker,
  tools: DecisionTools,
): TaskEvent {
  const { plan, kill, restarts } = context;
  if (plan === undefined)
    return make('TaskNotRestarting', { outcome: 'failed', reason: 'no plan' });
  const { restart: policy, restartOnSuccess } = plan;
  const { steady: now, chance } = tools;
  const isAsked = kill?.isCounted === true;
  // A hook may have failed of a run that never came: the one before it lived.
  const ranMs = end.kind === 'fault' ? undefined : livedMs(context);
  const asks = { policy, restartOnSuccess, end, restarts, ranMs, isAsked };
  const found = restartVerdict({ ...asks, now, chance });
  if (found.kind === 'hold') return make('TaskHeld', { reason: found.reason });
  if (found.kind === 'end') {
    return make('TaskNotRestarting', { outcome: found.outcome, reason: found.reason });
  }
  const { kind: _kind, count, delayMs, ...rest } = found;
  return make('TaskRestarting', { ...rest, attempt: count, at: now + delayMs, delayMs });
}
