/** What an agent has for the networks of its groups. */
import { join } from 'node:path';
import type { RunNetwork } from '../drivers/driver.ts';
import { allocStream } from '../events/envelope.ts';
import { network as networkHook } from '../hooks/network.ts';
import type { AllocState } from '../machines/alloc-machine.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { GroupNetworks } from '../network/group-network.ts';
import { NetworkRecords } from '../network/network-record.ts';
import { machineCapabilities } from '../os/machine-capabilities.ts';
import { silentLogger, type Logger, type Random } from '../ports.ts';
import type { AssignedPort } from '../spec/network-spec.ts';
import type { NetworkFacts } from '../spec/port-env.ts';
import type { TaskSpec } from '../spec/task-spec.ts';
import type { AgentDoors } from './agent-doors.ts';
import { CNI_PATH, Networks, type CniRules } from './networks.ts';
import { PortPool, type PortRules } from './port-pool.ts';
import type { Roster } from './roster.ts';
import { systemRandom } from './system-random.ts';

/** What the operator decides about networks. */
export interface NetworkRules extends PortRules, CniRules {}

interface Surroundings {
  readonly roster: Roster;
  readonly stateDir: string;
  readonly instanceId: string;
}

interface Wishes {
  readonly network?: NetworkRules;
  readonly random?: Random;
  readonly logger?: Logger;
}

export function networkSupplies(
  { roster, stateDir, instanceId }: Surroundings,
  { network = {}, random = systemRandom, logger = silentLogger }: Wishes,
): Pick<AgentDoors, 'ports' | 'networks' | 'portsOf' | 'capabilities'> {
  const records = new NetworkRecords(join(stateDir, 'networks'));
  const prefix = `holdfast-${instanceId.slice(0, 8)}-`;
  const { cniPath = CNI_PATH } = network;
  const made = new GroupNetworks({ records, prefix, cniPath, logger });
  const portsOf = (allocId: string): readonly AssignedPort[] =>
    roster.folded(allocId)?.state.context.ports ?? [];
  const networks = new Networks({
    made,
    records,
    rules: network,
    logger,
    // One that cannot be folded is left alone with all that is of it.
    isLive: (allocId) =>
      roster.standingOf(allocId) === 'live' || roster.isQuarantined(allocStream(allocId)),
    ownerOf(allocId) {
      const { spec, name } = roster.folded(allocId)?.state.context ?? {};
      if (spec === undefined || name === undefined) return undefined;
      return { allocId, name, network: spec.network, ports: portsOf(allocId) };
    },
  });
  const settled = (): Promise<void> => networks.sweep();
  const ports = new PortPool({ allocs: () => statesOf(roster), random, settled }, network);
  const capabilities: AgentDoors['capabilities'] = async () => [
    ...(await machineCapabilities()),
    await networks.bridgeCapability(),
  ];
  return { ports, networks, portsOf, capabilities };
}

function* statesOf(roster: Roster): Generator<readonly [string, AllocState]> {
  for (const allocId of roster.allocIds) {
    const state = roster.folded(allocId)?.state;
    if (state !== undefined) yield [allocId, state];
  }
}

type Known = Pick<TaskContext, 'hooks'>;

/** What a program is told; undefined for a task whose alloc has nothing of its own. */
export function networkFacts(
  ports: readonly AssignedPort[],
  { hooks }: Known,
): NetworkFacts | undefined {
  const { interface: device, ip } = hooks[networkHook.name]?.state ?? {};
  const isAttached = device !== undefined && ip !== undefined;
  if (ports.length === 0 && !isAttached) return undefined;
  return { ports, ...(isAttached && { alloc: { interface: device, ip } }) };
}

/** Nothing for a task that is in the machine's own. */
export function networkOfRun(
  { network }: TaskSpec,
  { hooks }: Known,
): { readonly network?: RunNetwork } {
  if (network === undefined) return {};
  const { namespace } = hooks[networkHook.name]?.state ?? {};
  const { hostname } = network;
  return {
    network: {
      ...(namespace !== undefined && { namespace }),
      ...(hostname !== undefined && { hostname }),
    },
  };
}
