/**
 * What a task makes of an update of its alloc. What it is to be is recorded together with what follows of it, so that
 * nobody who hears of the update twice, such as an agent that wakes up in the middle of it, restarts anything twice.
 */
import type { TaskEvent } from '../events/task-event.ts';
import { UPDATING } from './alloc-facts.ts';
import type { Decision, DecisionTools } from './decision.ts';
import { failed, type Maker } from './task-facts.ts';
import type { MessageOf, TaskMessage } from './task-messages.ts';
import type { TaskState } from './task-state.ts';

export type UpdateMessage = MessageOf<'UpdateTask' | 'UpdateFinished'>;

export function isUpdateMessage(message: TaskMessage): message is UpdateMessage {
  return message.type === 'UpdateTask' || message.type === 'UpdateFinished';
}

export function decideTaskUpdate(
  message: UpdateMessage,
  state: TaskState,
  make: Maker,
  tools: DecisionTools,
): Decision<TaskEvent> {
  return message.type === 'UpdateTask'
    ? decideUpdate(message, state, make, tools)
    : decideFinished(message, state, make);
}

function decideUpdate(
  { task, hooks, version, restartVersion }: MessageOf<'UpdateTask'>,
  state: TaskState,
  make: Maker,
  { steady }: DecisionTools,
): readonly TaskEvent[] {
  const { plan } = state.context;
  const { specVersion = 1 } = plan ?? {};
  if (plan === undefined || version <= specVersion) return [];
  const isRestarted = restartVersion > specVersion;
  const { restart, restartOnSuccess, killSignal, killTimeoutMs, shutdownDelayMs } = task;
  const updated = make('TaskUpdated', {
    specVersion: version,
    isRestarted,
    hooks,
    restart,
    restartOnSuccess,
    killSignal,
    killTimeoutMs,
    ...(shutdownDelayMs === undefined ? {} : { shutdownDelayMs }),
  });
  if (!isRestarted) return [updated];
  // Somebody has changed what was looked at: that is what it was held for.
  if (state.value === 'held') return [updated, make('TaskResumed', {})];
  if (state.context.kill !== undefined || !BEGUN.has(state.value)) return [updated];
  const kill = { then: 'restart', signal: killSignal, killTimeoutMs } as const;
  const deadline = steady + killTimeoutMs;
  return [updated, make('TaskKilling', { ...kill, reason: UPDATING, deadline })];
}

/** Elsewhere nothing was begun as it is not to be any more, or its end is under way. */
const BEGUN: ReadonlySet<string> = new Set(['prestart', 'starting', 'running', 'backoff']);

function decideFinished(
  { specVersion, faults }: MessageOf<'UpdateFinished'>,
  { value, context }: TaskState,
  make: Maker,
): readonly TaskEvent[] {
  if (value !== 'running' || context.isUpdating !== true) return [];
  const found = faults.map((fault) => failed(make, 'update', fault));
  // Updated again meanwhile: then the hooks see to that too.
  const isNewest = context.plan?.specVersion === specVersion;
  return isNewest ? [...found, make('UpdateCompleted', { specVersion })] : found;
}
