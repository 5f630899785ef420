/** What users see of a task, from its folded state. */
import type { TaskView, TaskViewState } from '../api.ts';
import { reasonOf, type TaskContext } from '../machines/task-state.ts';

export interface TaskFold {
  readonly position: number;
  readonly state: { readonly value: string; readonly context: TaskContext };
}

export interface TaskPlace {
  readonly alloc: string;
  readonly allocId: string;
  readonly task: string;
  readonly driver: string;
}

/** `folded` is undefined for a task that has no events yet; for one that nobody can stand by it is the reason. */
export function taskView(place: TaskPlace, folded: TaskFold | string | undefined): TaskView {
  if (folded === undefined || typeof folded === 'string') {
    const state = folded === undefined ? 'pending' : 'unknown';
    const reason = folded ?? '';
    return { ...place, ...NOTHING, state, nomadState: 'pending', reason };
  }
  const { value, context } = folded.state;
  const { end, process } = context;
  const state = viewState(value, context);
  const isRunning = value === 'running' || value === 'killing';
  return {
    ...place,
    state,
    nomadState: value === 'dead' || value === 'cleanup' ? 'dead' : nomadState(value),
    failed: context.outcome === 'failed' || context.outcome === 'lost',
    run: context.run,
    pid: isRunning && process !== undefined && end === undefined ? process.pid : null,
    restarts: begunRestarts(context),
    exitCode: end?.kind === 'exited' ? end.exitCode : null,
    signal: end?.kind === 'exited' ? end.signal : null,
    oomKilled: end?.kind === 'exited' && end.oomKilled,
    startedAt: isoTime(context.startedAt),
    finishedAt: isRunning ? null : isoTime(context.finishedAt),
    nextStartAt: value === 'backoff' ? isoTime(context.nextStartAt) : null,
    reason: reasonOf(context),
    network: isRunning && end === undefined ? (context.network ?? null) : null,
    position: folded.position,
  };
}

/** One that was decided has begun when its run has: until then, or when a stop came in between, it is only a plan. */
function begunRestarts({ restarts, nextStartAt }: TaskContext): number {
  return nextStartAt === undefined ? restarts.total : restarts.total - 1;
}

const NOTHING = {
  failed: false,
  run: 0,
  pid: null,
  restarts: 0,
  exitCode: null,
  signal: null,
  oomKilled: false,
  startedAt: null,
  finishedAt: null,
  nextStartAt: null,
  network: null,
  position: 0,
} as const;

function viewState(value: string, context: TaskContext): TaskViewState {
  if (context.stuck !== undefined && value !== 'dead') return 'stuck';
  if (value === 'cleanup' || value === 'dead') return context.outcome ?? 'stopped';
  // A run that ended and is about to be judged is over, but nobody has said what follows.
  if (value === 'exited') return context.kill === undefined ? 'running' : 'killing';
  return value as TaskViewState;
}

function nomadState(value: string): 'pending' | 'running' {
  return value === 'running' || value === 'killing' || value === 'exited' ? 'running' : 'pending';
}

export function isoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
