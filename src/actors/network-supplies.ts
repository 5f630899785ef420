/** What an agent has for the networks of its groups. */
import type { AllocContext, AllocState } from '../machines/alloc-machine.ts';
import type { Random } from '../ports.ts';
import type { NetworkFacts } from '../spec/port-env.ts';
import type { AgentDoors } from './agent-doors.ts';
import { PortPool, type PortRules } from './port-pool.ts';
import type { Roster } from './roster.ts';
import { systemRandom } from './system-random.ts';

/** What the operator decides about networks. */
export type NetworkRules = PortRules;

export function networkSupplies(
  roster: Roster,
  { network, random = systemRandom }: { readonly network?: NetworkRules; readonly random?: Random },
): Pick<AgentDoors, 'ports' | 'networkOf'> {
  return {
    ports: new PortPool({ allocs: () => statesOf(roster), random }, network),
    networkOf: (allocId) => networkFacts(roster.folded(allocId)?.state.context),
  };
}

function* statesOf(roster: Roster): Generator<readonly [string, AllocState]> {
  for (const allocId of roster.allocIds) {
    const state = roster.folded(allocId)?.state;
    if (state !== undefined) yield [allocId, state];
  }
}

/** Undefined for an alloc that has nothing of its own. */
function networkFacts(context: AllocContext | undefined): NetworkFacts | undefined {
  const ports = context?.ports;
  return ports === undefined ? undefined : { ports };
}
