/** What users see of an alloc, from its folded state and those of its tasks. */
import type { AllocView, AllocViewState, TaskView } from '../api.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import { isoTime, taskView, type TaskFold } from './task-view.ts';

export interface AllocFold {
  readonly position: number;
  readonly state: { readonly value: string; readonly context: AllocContext };
}

/** `foldedTask` gives what `taskView` takes. */
export function allocView(
  allocId: string,
  folded: AllocFold,
  foldedTask: (task: string) => TaskFold | string | undefined,
): AllocView {
  const { value, context } = folded.state;
  const tasks = (context.spec?.tasks ?? []).map(({ name, driver }) =>
    taskView({ alloc: context.name, allocId, task: name, driver }, foldedTask(name)),
  );
  return {
    alloc: context.name,
    allocId,
    type: context.spec?.type ?? 'service',
    state: viewState(value, context, tasks),
    isLive: isAllocLive(value),
    reason: context.reason,
    specHash: context.specHash,
    createdAt: isoTime(context.createdAt) ?? '',
    ports: (context.ports ?? []).map(({ label, hostIp, hostPort }) => ({
      label,
      hostIp,
      hostPort,
    })),
    tasks,
    position: Math.max(folded.position, ...tasks.map((task) => task.position)),
  };
}

function viewState(
  value: string,
  context: AllocContext,
  tasks: readonly TaskView[],
): AllocViewState {
  if (value === 'stopping' || value === 'restarting') return value;
  if (!isAllocLive(value)) return context.status ?? (value === 'pending' ? 'pending' : 'stopped');
  // Once the end has begun it is not over before the tasks behind poststop are.
  if (value === 'poststop') return context.reason === '' ? 'running' : 'stopping';
  return tasks.some((task) => task.nomadState === 'running') ? 'running' : 'pending';
}
