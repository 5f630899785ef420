/** Networks of groups that have ended: addresses and ports that nobody else can have. */
import { join } from 'node:path';
import type { Layout } from '../layout.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import { namespacesLike } from '../os/network-namespace.ts';
import { namesIn } from '../os/quiet-reads.ts';
import { counted, type Finding, warning } from './finding.ts';
import type { StoreReading } from './store-reading.ts';

const MOST_NAMED = 3;

/** Nothing without a store: what lives is not known then. `instanceId` is whose namespaces are looked at. */
export function networks(
  { stateDir }: Pick<Layout, 'stateDir'>,
  reading: Pick<StoreReading, 'allocs'> | undefined,
  instanceId: string | undefined,
): readonly Finding[] {
  if (reading === undefined) return [];
  const prefix = `holdfast-${instanceId?.slice(0, 8)}-`;
  const named = namespacesLike(prefix).map((name) => name.slice(prefix.length));
  const known = [...new Set([...namesIn(join(stateDir, 'networks')), ...named])];
  const left = known.filter((allocId) => {
    const folded = reading.allocs.get(allocId);
    return folded === undefined || !isAllocLive(folded.state.value);
  });
  if (left.length === 0) return [];
  const some = left.slice(0, MOST_NAMED).join(', ');
  const more = left.length > MOST_NAMED ? ', …' : '';
  const text = `the network of ${counted(left.length, 'alloc')} is still there after the end: ${some}${more}`;
  const remedy = `an agent that opens here takes it away; its log tells what stands in the way (ip netns shows ${prefix}ALLOC)`;
  return [warning('leftover networks', text, remedy)];
}
