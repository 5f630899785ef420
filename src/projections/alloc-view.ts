/** What users see of an alloc, from its folded state and those of its tasks. */
import type { AllocView, AllocViewState, PortView, TaskView } from '../api.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import { versionOf } from '../machines/alloc-update.ts';
import type { AssignedPort } from '../spec/network-spec.ts';
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
  const asked = (context.spec?.tasks ?? []).map(({ name, driver }) =>
    taskView({ alloc: context.name, allocId, task: name, driver }, foldedTask(name)),
  );
  // Until they are over: who looks for what runs must find it.
  const leaving = (context.removedTasks ?? []).flatMap(({ name, driver }) => {
    const folded = foldedTask(name);
    if (folded === undefined) return [];
    const view = taskView({ alloc: context.name, allocId, task: name, driver }, folded);
    return view.nomadState === 'dead' ? [] : [view];
  });
  const tasks = [...asked, ...leaving];
  return {
    alloc: context.name,
    allocId,
    type: context.spec?.type ?? 'service',
    state: viewState(value, context, tasks),
    isLive: isAllocLive(value),
    reason: context.reason,
    specHash: context.specHash,
    version: versionOf(context),
    createdAt: isoTime(context.createdAt) ?? '',
    networkMode: context.spec?.network?.mode ?? 'host',
    ip: ipOf(context, foldedTask),
    ports: (context.ports ?? []).map(portView),
    tasks,
    position: Math.max(folded.position, ...tasks.map((task) => task.position)),
  };
}

/** That of the newest start: whoever made the network anew has it from there. */
function ipOf(
  { spec }: AllocContext,
  foldedTask: (task: string) => TaskFold | string | undefined,
): string | null {
  const folds = (spec?.tasks ?? []).map(({ name }) => foldedTask(name));
  const ips = folds
    .filter((fold) => typeof fold === 'object')
    .toSorted((one, other) => other.position - one.position)
    .map(({ state }) => state.context.hooks['network']?.state['ip']);
  return ips.find((ip) => ip !== undefined) ?? null;
}

function portView({ label, hostIp, hostPort, to }: AssignedPort): PortView {
  return { label, hostIp, hostPort, to: to ?? null };
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
