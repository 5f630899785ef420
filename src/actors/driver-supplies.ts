/** What an agent has for its drivers. */
import type { DriverAgent } from '../drivers/driver-agent.ts';
import type { Driver } from '../drivers/driver.ts';
import { DriverRegistry } from '../drivers/registry.ts';
import type { Clock, Logger } from '../ports.ts';
import type { AgentDoors, RecordNode } from './agent-doors.ts';
import { Counts } from './counts.ts';
import { DriverWatch } from './driver-watch.ts';
import { isKnownRun } from './known-runs.ts';
import type { Roster } from './roster.ts';

interface Surroundings {
  readonly roster: Roster;
  readonly stateDir: string;
  readonly instanceId: string;
  readonly machineEpoch: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly record: RecordNode;
}

interface Supplies extends Pick<AgentDoors, 'drivers' | 'driverWatch' | 'counts'> {
  /** To be called when everything that the log and the files speak of was looked at. */
  readonly onRecovered: () => void;
}

export function driverSupplies(
  given: Surroundings,
  { drivers: known = [] }: { readonly drivers?: readonly Driver[] },
): Supplies {
  const { roster, stateDir, instanceId, machineEpoch, clock, logger, record } = given;
  const drivers = new DriverRegistry(known);
  const counts = new Counts();
  const { promise: recovered, resolve: onRecovered } = Promise.withResolvers<void>();
  const agentFor = (changed: () => void): DriverAgent => ({
    instanceId,
    machineEpoch,
    logger,
    clock,
    stateDir,
    record,
    recovered,
    isKnown: (launchKey, of) => isKnownRun(roster, launchKey, of),
    changed,
    count: (metric, labels, n) => counts.add(metric, labels, n),
  });
  const driverWatch = new DriverWatch({ drivers, record, logger, agentFor });
  return { drivers, driverWatch, counts, onRecovered };
}
