/** Files of allocs that were let go and whose files could not be removed. */
import { lstatSync } from 'node:fs';
import { allocDirsOf, type Layout } from '../layout.ts';
import { counted, type Finding, warning } from './finding.ts';
import type { StoreReading } from './store-reading.ts';

const MOST_NAMED = 3;

export function leftovers(
  layout: Layout,
  reading: Pick<StoreReading, 'allocs'> | undefined,
): readonly Finding[] {
  const removed = [...(reading?.allocs ?? [])].filter(([, { state }]) => state.value === 'removed');
  const left = removed
    .map(([allocId]) => allocDirsOf(layout, allocId).find(isThere))
    .filter((dir) => dir !== undefined);
  if (left.length === 0) return [];
  const named = left.slice(0, MOST_NAMED).join(', ');
  const more = left.length > MOST_NAMED ? ', …' : '';
  const text = `${counted(left.length, 'finished alloc')} could not be removed: ${named}${more}`;
  const remedy = `see in the agent's log what stands in the way (it tries again), or rm -rf them`;
  return [warning('leftover files', text, remedy)];
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
