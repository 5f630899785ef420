/** What a pool of hosts is handed, and what it asks of whoever speaks for its children. */
import type { NodeEvent } from '../events/node-event.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { Clock, Logger } from '../ports.ts';
import type { HostKind } from '../rpc/address-file.ts';
import type { Greeting } from '../rpc/hello.ts';
import type { PooledHost } from './host-places.ts';
import type { Pulse } from './host-pulse.ts';

export interface HostPoolDoors {
  /** A driver in its own process is in no pool: it has no children, and ends with its agent. */
  readonly kind: Exclude<HostKind, 'driver'>;
  readonly stateDir: string;
  readonly instanceId: string;
  readonly agentEpoch: number;
  readonly machineEpoch: string;
  readonly perHost: number;
  /** The conversation that a host must speak to be given new children; one of an older agent keeps those it has. */
  readonly protocol: number;
  /** How it is noticed that a host does not answer any more. */
  readonly pulse?: Pulse;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Appends a fact to the node's stream. */
  readonly record: <T extends NodeEvent['type']>(type: T, facts: Facts<NodeEvent, T>) => void;
  /** A host has answered the question whether it lives. */
  readonly onAnswer?: (hostId: string, greeting: Greeting) => void;
  /** A host is up. `adopted` are the children it is to take over from a dead one: resolves with how many it has. */
  readonly onUp: (host: PooledHost, adopted: readonly string[]) => Promise<number>;
}
