/** What every actor of one agent shares. Built once, by the composition root. */
import type { Driver, DriverDoors, ExecutorDoor, RunRequest } from '../drivers/driver.ts';
import type { DriverRegistry } from '../drivers/registry.ts';
import type { UsageDoor } from '../drivers/usage.ts';
import type { NodeEvent } from '../events/node-event.ts';
import type { CommandEnd, LogmonDoor, MemoryDoor } from '../hooks/hook.ts';
import type { HookRegistry } from '../hooks/registry.ts';
import type { Layout } from '../layout.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { Clock, Logger, Random } from '../ports.ts';
import type { AssignedPort } from '../spec/network-spec.ts';
import type { Counts } from './counts.ts';
import type { DriverWatch } from './driver-watch.ts';
import type { DockerOutput } from './docker-output.ts';
import type { LogReaders } from './log-readers.ts';
import type { Surroundings } from './run-env.ts';
import type { AgentCapability, Networks } from './networks.ts';
import type { PortPool } from './port-pool.ts';
import type { RunStore } from './run-files.ts';
import type { SecretValues } from './secret-values.ts';
import type { Sessions } from './sessions.ts';
import type { SpecStore } from './spec-files.ts';
import type { StartGate } from './start-gate.ts';
import type { UserPool } from './user-pool.ts';
import type { WaitingOutput } from './waiting-output.ts';

/** Appends a fact to the node's stream, in order, without being waited for. */
export type RecordNode = <T extends NodeEvent['type']>(type: T, facts: Facts<NodeEvent, T>) => void;

export interface AgentDoors {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly layout: Layout;
  readonly instanceId: string;
  readonly machineEpoch: string;
  readonly drivers: DriverRegistry;
  /** Whether those can work now. */
  readonly driverWatch: DriverWatch;
  /** What is counted on behalf of drivers. */
  readonly counts: Counts;
  readonly hooks: HookRegistry;
  readonly executor: ExecutorDoor;
  readonly logmon: LogmonDoor;
  readonly output: Pick<DockerOutput, 'doorOf' | 'forgetOthers'>;
  readonly usage: UsageDoor;
  readonly waitingOutput: Pick<WaitingOutput, 'current'>;
  /** Whoever reads the output of an alloc says so here. */
  readonly readers: LogReaders;
  /** Commands beside programs. */
  readonly sessions: Sessions;
  readonly secrets: SecretValues;
  readonly memory: MemoryDoor;
  readonly users: UserPool;
  readonly ports: PortPool;
  readonly networks: Networks;
  /** Those of the machine that an alloc has. */
  readonly portsOf: (allocId: string) => readonly AssignedPort[];
  /** Runs a command beside the program of `ALLOC/TASK`, on behalf of a hook. */
  readonly runBeside: (
    ref: string,
    argv: readonly string[],
    options: {
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
      /** Who is recorded. */
      readonly actor: string;
      /** Nothing is recorded, and the one before it in this slot is ended first. */
      readonly slot?: string | undefined;
    },
  ) => Promise<CommandEnd>;
  readonly record: RecordNode;
  /** What this machine can do for tasks. */
  readonly capabilities: () => Promise<readonly AgentCapability[]>;
  /** The end of a run is recorded: its host may forget it. */
  readonly releaseRun: (run: RunRequest, driver: Driver, doors: DriverDoors) => void;
  /** Whatever is about to start something waits here. */
  readonly gate: StartGate;
  readonly specs: SpecStore;
  readonly surroundings: Surroundings;
  readonly runs: RunStore;
}
