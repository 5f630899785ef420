/**
 * What a task remembers of each event: the context after it, as far as it differs. Pure and total, since old logs are
 * folded with it too: a field that an older release did not record is missing.
 */
import type { TaskEvent } from '../events/task-event.ts';
import type { Facts } from './chart-parts.ts';
import type { TaskMount } from '../spec/task-spec.ts';
import { causeOf, isSameThing, type HookMemory, type TaskContext } from './task-state.ts';

type Memory = (step: {
  readonly context: TaskContext;
  readonly event: TaskEvent;
}) => Partial<TaskContext>;

function facts<T extends TaskEvent['type']>(event: TaskEvent, _type: T): Facts<TaskEvent, T> {
  return event.data as Facts<TaskEvent, T>;
}

export const keepPlan: Memory = ({ event }) => ({ plan: facts(event, 'TaskReceived') });
export const keepUpdate: Memory = ({ context, event }) => {
  const { isRestarted, ...updated } = facts(event, 'TaskUpdated');
  const { plan, restarts } = context;
  const anew = {
    hooks: undone(context.hooks),
    restarts: { count: 0, intervalStart: 0, total: restarts.total },
  };
  return {
    // What the new one leaves out is not to stay from the one before.
    plan: plan && { ...plan, shutdownDelayMs: undefined, ...updated },
    isUpdating: true,
    ...(isRestarted ? anew : {}),
  };
};
export const keepUpdated: Memory = () => ({ isUpdating: undefined });
function undone(hooks: TaskContext['hooks']): TaskContext['hooks'] {
  const all = Object.entries(hooks);
  return Object.fromEntries(all.map(([hook, memory]) => [hook, { ...memory, isDone: false }]));
}
export const keepHook: Memory = ({ context, event }) => {
  const { hook, phase, isDone, env, state, user, ...places } = facts(event, 'HookCompleted');
  if (phase !== 'prestart') return {};
  const given: HookMemory = {
    isDone,
    env,
    state,
    ...(places.mounts !== undefined && { mounts: places.mounts as readonly TaskMount[] }),
    ...(user !== undefined && { user }),
  };
  return { hooks: { ...context.hooks, [hook]: given } };
};
export const keepNote: Memory = ({ context, event }) => {
  const { hook, state } = facts(event, 'HookNoted');
  const known = context.hooks[hook] ?? { isDone: false, env: [] };
  return { hooks: { ...context.hooks, [hook]: { ...known, state } } };
};
export const keepFailedHook: Memory = ({ event }) => {
  const { hook, message, isRecoverable } = facts(event, 'HookFailed');
  const text = `${hook}: ${message}`;
  return {
    end: {
      kind: 'fault' as const,
      code: 'HOOK_FAILED',
      message: text,
      isRecoverable,
      at: event.at,
    },
    reason: text,
  };
};
export const keepRun: Memory = ({ event }) => ({
  run: event.run,
  launch: facts(event, 'RunStarting'),
  isUpdating: undefined,
  process: undefined,
  network: undefined,
  messages: undefined,
  end: undefined,
  kill: undefined,
  stuck: undefined,
  nextStartAt: undefined,
  services: undefined,
  checks: undefined,
  reason: '',
});
export const keepRecovered: Memory = ({ event }) => ({
  run: event.run,
  launch: facts(event, 'TaskRecovered'),
  isUpdating: undefined,
  process: undefined,
  network: undefined,
  messages: undefined,
  end: undefined,
  // They were about the run before: kept, they would swallow every later wish to stop this one.
  kill: undefined,
  stuck: undefined,
  nextStartAt: undefined,
  services: undefined,
  checks: undefined,
  reason: 'found again by the files of its run',
});
export const keepProcess: Memory = ({ event }) => {
  const { network, ...process } = facts(event, 'TaskStarted');
  return { process, network, startedAt: process.startedAt };
};
export const keepStartFault: Memory = ({ event }) => {
  const { code, message, isRecoverable } = facts(event, 'TaskStartFailed');
  return {
    end: { kind: 'fault' as const, code, message, isRecoverable, at: event.at },
    reason: message,
  };
};
export const keepExit: Memory = ({ event }) => {
  const { exitedAt, ...how } = facts(event, 'TaskExited');
  return {
    end: { kind: 'exited' as const, ...how, at: exitedAt },
    finishedAt: exitedAt,
    stuck: undefined,
  };
};
export const keepLoss: Memory = ({ event }) => {
  const how = facts(event, 'TaskLost');
  return {
    end: { kind: 'lost' as const, ...how, at: event.at },
    finishedAt: event.at,
    reason: how.reason,
  };
};
export const keepKill: Memory = ({ event }) => {
  const kill = facts(event, 'TaskKilling');
  return { kill, reason: kill.reason };
};
export const keepSession: Memory = ({ context, event }) => {
  const { session } = facts(event, 'SessionOpened');
  return { sessions: [...(context.sessions ?? []), session] };
};
export const dropSession: Memory = ({ context, event }) => {
  const { session } = facts(event, 'SessionClosed');
  const left = (context.sessions ?? []).filter((one) => one !== session);
  return { sessions: left.length === 0 ? undefined : left };
};
export const keepService: Memory = ({ context, event }) => {
  const service = facts(event, 'ServiceRegistered');
  return { services: { ...context.services, [service.service]: service } };
};
export const dropService: Memory = ({ context, event }) => {
  const { service, mayReturn = false } = facts(event, 'ServiceDeregistered');
  const { [service]: _gone, ...others } = context.services ?? {};
  return { services: mayReturn ? others : { ...others, [service]: null } };
};
export const keepCheck: Memory = ({ context, event }) => {
  const { check, service, status, output } = facts(event, 'CheckChanged');
  const found = { status, output, at: event.at, ...(service === undefined ? {} : { service }) };
  return { checks: { ...context.checks, [check]: found } };
};
export const keepMessage: Memory = ({ context }) => ({ messages: (context.messages ?? 0) + 1 });
export const keepHolding: Memory = ({ context, event }) => {
  const { kind, id } = facts(event, 'HoldingRecorded');
  return { holdings: [...(context.holdings ?? []), { kind, id, run: event.run }] };
};
export const dropHolding: Memory = ({ context, event }) => {
  const gone = facts(event, 'HoldingForgotten');
  const left = (context.holdings ?? []).filter((one) => !isSameThing(one, gone));
  return { holdings: left.length === 0 ? undefined : left };
};
export const keepStuck: Memory = ({ event }) => ({ stuck: facts(event, 'TaskStuck').message });
export const keepRestart: Memory = ({ context, event }) => {
  const { attempt, at, delayMs, reason, isCounted, intervalStart, ...grown } = facts(
    event,
    'TaskRestarting',
  );
  const { streak = context.restarts.streak } = grown;
  return {
    restarts: {
      count: isCounted ? attempt : context.restarts.count,
      intervalStart,
      total: context.restarts.total + 1,
      ...(streak === undefined ? {} : { streak }),
    },
    nextStartAt: at,
    nextStartDelayMs: delayMs,
    reason,
    kill: undefined,
  };
};
export const keepVerdict: Memory = ({ event }) => {
  const { outcome, reason } = facts(event, 'TaskNotRestarting');
  return { outcome, reason, finishedAt: event.at };
};
export const keepStopped: Memory = ({ event }) => {
  const { reason } = facts(event, 'TaskKilled');
  return { outcome: 'stopped' as const, reason, finishedAt: event.at };
};
export const keepHeld: Memory = ({ context, event }) => {
  const { reason } = facts(event, 'TaskHeld');
  const { end } = context;
  const cause = end === undefined ? '' : causeOf(end);
  const text = cause === '' || reason.includes(cause) ? reason : `${cause}: ${reason}`;
  return { reason: text, kill: undefined, stuck: undefined };
};
/** Somebody has looked at it: what went before does not count any more. */
export const forgetRestarts: Memory = ({ context }) => ({
  restarts: { count: 0, intervalStart: 0, total: context.restarts.total },
  reason: '',
});
/** The runs are numbered on, and the newest stays known until there is a newer one: its files are to be removed yet. */
export const keepRevival: Memory = ({ context, event }) => ({
  revival: facts(event, 'TaskRevived').revival,
  hooks: undone(context.hooks),
  // Of a start that was given up nothing is left that anybody could ask for.
  launch: context.end === undefined ? undefined : context.launch,
  kill: undefined,
  restarts: { count: 0, intervalStart: 0, total: context.restarts.total },
  nextStartAt: undefined,
  nextStartDelayMs: undefined,
  stuck: undefined,
  sessions: undefined,
  services: undefined,
  checks: undefined,
  outcome: undefined,
  startedAt: undefined,
  finishedAt: undefined,
  reason: '',
});
