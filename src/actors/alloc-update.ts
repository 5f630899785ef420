/** What the duties of an alloc do about its updates, and about the alloc that it takes over from. */
import { NOT_NEEDED } from '../machines/alloc-facts.ts';
import type { AllocContext } from '../machines/alloc-machine.ts';
import { killOrder } from '../machines/kill-order.ts';
import type { AllocTasks } from './alloc-tasks.ts';

/**
 * Every task that an update touched hears of it, in the order in which tasks are ended: each wave of those that are
 * started anew has ended before the next one hears. Beside that, those that are gone are ended. May be done again: who
 * has heard does nothing. Resolves when everything is over that is to be over before something new begins.
 */
export async function applyUpdate(
  tasks: AllocTasks,
  context: AllocContext,
  signal: AbortSignal,
): Promise<void> {
  if (context.version === undefined) return;
  await Promise.all([
    changeTasks(tasks, context, signal),
    removeTasks(tasks, context.removedTasks ?? [], signal),
  ]);
}

async function changeTasks(
  tasks: AllocTasks,
  context: AllocContext,
  signal: AbortSignal,
): Promise<void> {
  for (const wave of killOrder(context.spec?.tasks ?? [], { withPoststop: true })) {
    signal.throwIfAborted();
    // crash point: agent.update.wave
    await Promise.all(wave.map((name) => tasks.update(name, context)));
    await tasks.untilEnded(wave, signal);
  }
}

async function removeTasks(
  tasks: AllocTasks,
  removed: NonNullable<AllocContext['removedTasks']>,
  signal: AbortSignal,
): Promise<void> {
  const stop = { type: 'StopTask', reason: NOT_NEEDED } as const;
  for (const wave of killOrder(removed, { withPoststop: true })) {
    signal.throwIfAborted();
    // crash point: agent.update.removing
    await Promise.all(wave.map((name) => tasks.tell(name, stop)));
    await tasks.untilOver(wave, signal);
  }
}
