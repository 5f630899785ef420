/**
 * What a task makes of a message: total and deterministic. A late or repeated report gives nothing; a senseless command
 * gives a rejection; everything else gives the facts to record.
 */
import type { TaskEvent } from '../events/task-event.ts';
import { decideDriverWord } from './holding-decider.ts';
import { isRejection, type Decision, type DecisionTools } from './decision.ts';
import { decideService, withServicesWithdrawn } from './service-decider.ts';
import { decideSession, withSessionsClosed } from './session-decider.ts';
import type { MessageOf, TaskMessage } from './task-messages.ts';
import { decideCommand } from './task-command-decider.ts';
import {
  completed,
  failed,
  isWorking,
  makeTaskEvent,
  START_DEADLINE_MS,
  type Maker,
} from './task-facts.ts';
import { decideEnd, decideRun, verdict } from './task-run-decider.ts';
import type { RunEnd, TaskState } from './task-state.ts';
import { decideTaskUpdate, isUpdateMessage, type UpdateMessage } from './task-update-decider.ts';

export function decideTask(
  message: TaskMessage,
  state: TaskState,
  tools: DecisionTools,
): Decision<TaskEvent> {
  const make = makeTaskEvent(state.context.run, tools.now);
  const decision = isUpdateMessage(message)
    ? decideTaskUpdate(message, state, make, tools)
    : decideStep(message, state, make, tools);
  if (isRejection(decision)) return decision;
  const closed = withSessionsClosed(decision, state.context, make);
  return withServicesWithdrawn(closed, state, make);
}

function decideStep(
  message: Exclude<TaskMessage, UpdateMessage>,
  state: TaskState,
  make: Maker,
  tools: DecisionTools,
): Decision<TaskEvent> {
  switch (message.type) {
    case 'ReceiveTask':
    case 'OpenGate':
      return decideOpening(message, state, make);
    case 'StopTask':
    case 'RestartTask':
    case 'SignalTask':
    case 'ResumeTask':
    case 'ReviveTask':
      return decideCommand(message, state, make, tools);
    case 'OpenSession':
    case 'SessionEnded':
      return decideSession(message, state, make, tools);
    case 'RegisterService':
    case 'ReportCheck':
    case 'WithdrawServices':
    case 'WithdrawOthers':
      return decideService(message, state, make);
    case 'HooksProgressed':
    case 'HookFaulted':
    case 'HookSpoke':
    case 'HookLearned':
      return isWorking(state.value) ? decideNote(message, make) : [];
    case 'PrestartFinished':
    case 'PrestartFaulted':
      return decidePrestart(message, state, make, tools);
    case 'ProgramStarted':
    case 'StartRefused':
    case 'ProgramReattached':
    case 'ProgramExited':
    case 'ProgramLost':
    case 'RunFound':
      return decideRun(message, state, make, tools);
    case 'NothingRan':
    case 'KillStuck':
    case 'RunSettled':
      return decideEnd(message, state, make, tools);
    case 'DelayElapsed':
    case 'CleanupFinished':
      return decideLeft(message, state, make);
    default:
      return decideDriverWord(message, state, make);
  }
}

function decideLeft(
  message: MessageOf<'DelayElapsed' | 'CleanupFinished'>,
  { value }: TaskState,
  make: Maker,
): readonly TaskEvent[] {
  if (message.type === 'DelayElapsed') {
    return value === 'backoff' ? [make('RestartDelayElapsed', {})] : [];
  }
  if (value !== 'cleanup') return [];
  const { faults } = message;
  return [...faults.map((fault) => failed(make, 'cleanup', fault)), make('CleanupCompleted', {})];
}

function decideNote(
  message: MessageOf<'HooksProgressed' | 'HookFaulted' | 'HookSpoke' | 'HookLearned'>,
  make: Maker,
): readonly TaskEvent[] {
  if (message.type === 'HookLearned') {
    return [make('HookNoted', { hook: message.hook, state: message.state })];
  }
  const { phase } = message;
  if (message.type === 'HooksProgressed') return completed(make, phase, message.results);
  if (message.type === 'HookFaulted') return [failed(make, phase, message.fault)];
  return [make('HookMessage', { hook: message.hook, phase, message: message.message })];
}

function decideOpening(
  message: MessageOf<'ReceiveTask' | 'OpenGate'>,
  { value, context }: TaskState,
  make: Maker,
): Decision<TaskEvent> {
  if (value !== 'pending') return [];
  if (message.type === 'OpenGate') {
    if (context.plan?.gate !== message.gate) return [];
    return [make('GateOpened', { gate: message.gate })];
  }
  if (context.plan !== undefined) return [];
  const { task, allocName, hooks, openGate, specVersion = 1 } = message;
  const received = make('TaskReceived', {
    allocName,
    task: task.name,
    driver: task.driver,
    gate: task.gate,
    hooks,
    restart: task.restart,
    restartOnSuccess: task.restartOnSuccess,
    killSignal: task.killSignal,
    killTimeoutMs: task.killTimeoutMs,
    ...(task.shutdownDelayMs === undefined ? {} : { shutdownDelayMs: task.shutdownDelayMs }),
    ...(specVersion === 1 ? {} : { specVersion }),
  });
  return openGate === task.gate ? [received, make('GateOpened', { gate: openGate })] : [received];
}

function decidePrestart(
  message: MessageOf<'PrestartFinished' | 'PrestartFaulted'>,
  { value, context }: TaskState,
  make: Maker,
  tools: DecisionTools,
): Decision<TaskEvent> {
  if (value !== 'prestart') return [];
  const results = completed(make, 'prestart', message.results);
  if (message.type === 'PrestartFaulted') {
    const { hook, message: text, isRecoverable } = message.fault;
    const end: RunEnd = {
      kind: 'fault',
      code: 'HOOK_FAILED',
      message: `${hook}: ${text}`,
      isRecoverable,
      at: tools.now,
    };
    return [
      ...results,
      failed(make, 'prestart', message.fault),
      verdict(context, end, make, tools),
    ];
  }
  const run = context.run + 1;
  const launch = { ...tools.newLaunch(run), deadline: tools.steady + START_DEADLINE_MS };
  const makeRun = makeTaskEvent(run, tools.now);
  return [...results, make('PrestartCompleted', {}), makeRun('RunStarting', launch)];
}
