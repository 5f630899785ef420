/** Allocs from which others take over. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HoldfastError } from '../errors.ts';
import { UPDATING } from '../machines/alloc-facts.ts';
import type { Roster } from './roster.ts';
import type { SavedSpec } from './saved-spec.ts';

/**
 * Asks the alloc to end, unless it does so already, and resolves when it is over; at once for one that nobody knows. Of
 * an agent that closes meanwhile it never resolves: the next one asks again.
 */
export async function endPredecessor(
  roster: Roster,
  allocId: string,
  signal: AbortSignal,
): Promise<void> {
  // An agent that opens wakes one alloc after the other.
  await nextTurn();
  if (roster.standingOf(allocId) !== 'live') return;
  const value = roster.folded(allocId)?.state.value;
  // What comes after its other tasks may come to its end.
  if (value !== 'stopping' && value !== 'poststop') {
    const stop = { type: 'StopAlloc', reason: UPDATING } as const;
    await roster
      .runner(allocId)
      ?.tell(stop)
      .catch(() => undefined);
  }
  try {
    await roster.until(allocId, signal, ({ isLive }) => !isLive);
  } catch (error) {
    signal.throwIfAborted();
    if (HoldfastError.is(error, 'NOT_FOUND')) return;
    await untilAborted(signal);
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** The same, so that whoever takes over meets the one from which it does. */
export function predecessorsFirst(saved: readonly SavedSpec[]): readonly SavedSpec[] {
  const byId = new Map(saved.map((one) => [one.allocId, one]));
  const sorted = new Set<SavedSpec>();
  for (const one of saved) {
    const line: SavedSpec[] = [];
    let next: SavedSpec | undefined = one;
    while (next !== undefined && !line.includes(next)) {
      line.unshift(next);
      next = next.replaces === undefined ? undefined : byId.get(next.replaces);
    }
    for (const each of line) sorted.add(each);
  }
  return [...sorted];
}
