/**
 * The executor of a driver in its own process: hosts of the very package that the driver imports, in the driver's own
 * state directory. They outlive it and its agent, and the next process of the driver meets them again.
 */
import { Executor } from '../actors/executor.ts';
import { HostPool } from '../actors/host-pool.ts';
import { RunCgroups } from '../actors/run-cgroups.ts';
import { sessionHosts } from '../actors/session-hosts.ts';
import { Sessions } from '../actors/sessions.ts';
import { systemClock } from '../actors/system-clock.ts';
import { UsageFeed } from '../actors/usage-feed.ts';
import type { DriverAgent } from '../drivers/driver-agent.ts';
import type { SessionDoor } from '../drivers/session.ts';
import { openMemoryEventLog } from '../log/memory-event-log.ts';
import type { Clock, Logger } from '../ports.ts';
import { EXECUTOR_PROTOCOL } from '../rpc/executor-methods.ts';

interface Owner {
  readonly stateDir: string;
  readonly instanceId: string;
  readonly machineEpoch: string;
  readonly agentEpoch: number;
  readonly perHost: number;
  readonly logger: Logger;
  readonly record: DriverAgent['record'];
}

export interface OwnHosts {
  readonly executor: Executor;
  readonly usage: UsageFeed;
  readonly sessions: SessionDoor;
  /** Id of the host that has the run. Throws UNAVAILABLE while it is being replaced. */
  hostOf(launchKey: string): Promise<string | undefined>;
  readonly clock: Clock;
  close(): void;
}

export async function openOwnHosts(owner: Owner): Promise<OwnHosts> {
  const leaving = new AbortController();
  const { stateDir, instanceId, machineEpoch, agentEpoch } = owner;
  const clock = systemClock(openMemoryEventLog(), machineEpoch);
  const cgroups = new RunCgroups(instanceId, 'auto');
  const pool: HostPool = new HostPool({
    ...owner,
    kind: 'executor',
    protocol: EXECUTOR_PROTOCOL,
    clock,
    onUp: (host, adopted) => executor.greet(host, adopted, leaving.signal),
  });
  const executor = new Executor({ pool, stateDir, instanceId, agentEpoch, machineEpoch, cgroups });
  const hosts = sessionHosts({ runs: pool });
  const sessions = new Sessions({ hosts, agentEpoch, cgroups, signal: leaving.signal });
  await pool.restore();
  return {
    executor,
    clock,
    sessions,
    hostOf: async (launchKey) => (await pool.whereIs(launchKey))?.id,
    usage: new UsageFeed(pool, agentEpoch),
    close() {
      leaving.abort();
      pool.close();
    },
  };
}
