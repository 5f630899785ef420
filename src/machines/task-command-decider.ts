/** What a task makes of commands. One that asks for what is so already gives nothing. */
import { HoldfastError } from '../errors.ts';
import type { TaskEvent } from '../events/task-event.ts';
import type { Decision, DecisionTools } from './decision.ts';
import type { Maker } from './task-facts.ts';
import type { MessageOf } from './task-messages.ts';
import { runsOn, type TaskState } from './task-state.ts';

type Command = 'StopTask' | 'RestartTask' | 'SignalTask' | 'ResumeTask' | 'ReviveTask';

export function decideCommand(
  message: MessageOf<Command>,
  state: TaskState,
  make: Maker,
  tools: DecisionTools,
): Decision<TaskEvent> {
  const { value, context } = state;
  switch (message.type) {
    case 'StopTask':
      return decideStop(message, state, make, tools);
    case 'RestartTask':
      return decideRestart(message, state, make, tools);
    case 'SignalTask': {
      if (!runsOn(state, tools.steady)) return refused(value, 'cannot take a signal');
      const reason = message.reason === undefined ? {} : { reason: message.reason };
      return [make('TaskSignaled', { signal: message.signal, ...reason })];
    }
    case 'ResumeTask':
      if (value === 'held') return [make('TaskResumed', {})];
      return refused(value, 'cannot be resumed: only a task that is held can');
    case 'ReviveTask': {
      const isNews = message.revival > (context.revival ?? 0);
      if (!isNews || (value !== 'dead' && value !== 'pending')) return [];
      return [make('TaskRevived', { revival: message.revival })];
    }
  }
}

/** A kill that is under way is not begun again. It becomes a stop, or a quicker one; never anything later. */
function decideStop(
  { reason, isHurried = false }: MessageOf<'StopTask'>,
  { value, context }: TaskState,
  make: Maker,
  { steady }: DecisionTools,
): Decision<TaskEvent> {
  if (value === 'cleanup' || value === 'dead') return [];
  const { kill, plan } = context;
  const killTimeoutMs = plan?.killTimeoutMs ?? 0;
  const rest = {
    reason,
    then: 'stop',
    signal: plan?.killSignal ?? 'SIGTERM',
    killTimeoutMs,
  } as const;
  if (kill === undefined) {
    const delayMs = value === 'running' && !isHurried ? (plan?.shutdownDelayMs ?? 0) : 0;
    const signalAt = steady + delayMs;
    const deadline = signalAt + killTimeoutMs;
    return [make('TaskKilling', { ...rest, deadline, ...(delayMs > 0 ? { signalAt } : {}) })];
  }
  const { signalAt, deadline } = kill;
  if (isHurried && signalAt !== undefined && signalAt > steady) {
    return [make('TaskKilling', { ...rest, deadline: steady + killTimeoutMs, signalAt: steady })];
  }
  if (kill.then === 'stop') return [];
  return [
    make('TaskKilling', { ...rest, deadline, ...(signalAt === undefined ? {} : { signalAt }) }),
  ];
}

/** Without a shutdown delay, as in Nomad: nobody has turned away from a task that comes back. */
function decideRestart(
  { reason, isCounted = false }: MessageOf<'RestartTask'>,
  { value, context }: TaskState,
  make: Maker,
  { steady }: DecisionTools,
): Decision<TaskEvent> {
  if (value === 'held') return refused(value, 'cannot be restarted: resume it');
  if (context.kill !== undefined && value !== 'cleanup' && value !== 'dead') return [];
  if (value !== 'running') return refused(value, 'cannot be restarted');
  const killTimeoutMs = context.plan?.killTimeoutMs ?? 0;
  return [
    make('TaskKilling', {
      reason,
      then: 'restart',
      signal: context.plan?.killSignal ?? 'SIGTERM',
      killTimeoutMs,
      deadline: steady + killTimeoutMs,
      ...(isCounted ? { isCounted } : {}),
    }),
  ];
}

function refused(value: string, what: string): Decision<TaskEvent> {
  const text = `the task is ${value} and ${what}`;
  return { rejected: new HoldfastError('WRONG_STATE', text, { details: { state: value } }) };
}
