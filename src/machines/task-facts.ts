/** Makes task events with the run and the time that a decision is about. */
import type { HookPhase, TaskEvent } from '../events/task-event.ts';
import type { Facts } from './chart-parts.ts';
import type { HookFault, HookResult } from './task-messages.ts';

/** How long after RunStarting the program must have begun. */
export const START_DEADLINE_MS = 60_000;

/** In these states a hook or a driver may be at work; elsewhere its word comes too late. */
export function isWorking(value: string): boolean {
  return !['pending', 'backoff', 'held', 'dead'].includes(value);
}

export type Maker = <T extends TaskEvent['type']>(type: T, data: Facts<TaskEvent, T>) => TaskEvent;

export function makeTaskEvent(run: number, at: number): Maker {
  return (type, data) => ({ type, run, at, data }) as TaskEvent;
}

export function completed(
  make: Maker,
  phase: HookPhase,
  results: readonly HookResult[],
): readonly TaskEvent[] {
  return results.map((result) => make('HookCompleted', { ...result, phase }));
}

export function failed(make: Maker, phase: HookPhase, fault: HookFault): TaskEvent {
  return make('HookFailed', { ...fault, phase });
}
