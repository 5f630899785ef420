/** Is what is wanted told in a second place, for the day on which the store is lost? */
import type { Layout } from '../layout.ts';
import { isSpecSaved } from '../actors/saved-spec.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import { counted, warning, type Finding } from './finding.ts';
import type { StoreReading } from './store-reading.ts';

const MOST_NAMED = 3;

export function specs(
  { specDir }: Layout,
  reading: Pick<StoreReading, 'allocs' | 'names'> | undefined,
): readonly Finding[] {
  const missing = [...(reading?.allocs ?? [])]
    .filter(([, { state }]) => isAllocLive(state.value))
    .map(([allocId]) => allocId)
    .filter((allocId) => !isSpecSaved(specDir, allocId));
  if (missing.length === 0) return [];
  const names = missing.slice(0, MOST_NAMED).map((id) => `${reading?.names.get(id) ?? ''} (${id})`);
  const more = missing.length > MOST_NAMED ? ', …' : '';
  const text = `${counted(missing.length, 'file')} in ${specDir} missing or not to be read: ${names.join(', ')}${more}. If the store were lost now, what runs of them would be ended`;
  return [warning('specs', text, 'the next agent that opens writes them again')];
}
