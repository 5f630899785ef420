/** A world for the contract of drivers: a real executor, real hosts and real programs, in a directory of its own. */
import { Executor } from '../actors/executor.ts';
import { HostPool } from '../actors/host-pool.ts';
import { RunCgroups } from '../actors/run-cgroups.ts';
import { sessionHosts } from '../actors/session-hosts.ts';
import { Sessions } from '../actors/sessions.ts';
import { systemClock } from '../actors/system-clock.ts';
import { UsageFeed } from '../actors/usage-feed.ts';
import type { Driver, RunRequest } from '../drivers/driver.ts';
import { FileClaims } from '../drivers/run-claims.ts';
import { openMemoryEventLog } from '../log/memory-event-log.ts';
import { LEFTOVER_PLAN } from '../machines/kill-policy.ts';
import { machineEpoch } from '../os/machine-epoch.ts';
import { silentLogger } from '../ports.ts';
import { EXECUTOR_PROTOCOL } from '../rpc/executor-methods.ts';
import { never, type DriverRig } from './contract/rule.ts';
import { keptDoors } from './driver-doors.ts';
import { DriverWorld } from './driver-world.ts';
import { untilDeaf } from './until-deaf.ts';

type Config = Readonly<Record<string, unknown>>;

/** A driver, and configs of tasks of it. */
export interface DriverTrial {
  /** Called once for each agent. */
  driver(): Driver;
  /** Of a program that goes on until it is stopped. */
  readonly lasting: Config;
  /** Of a program that ends by itself with this exit code. */
  ending(exitCode: number): Config;
  /** Of one that cannot be started, ever. */
  readonly impossible: Config;
  /** Of a program that goes on, and takes no notice of SIGTERM. Left out: that is not tried. */
  readonly deaf?: Config;
}

/**
 * For drivers whose programs are started by the executor, or by somebody else: of that, what is left is the caller's to
 * take away. `end` stops every run, and removes the directory.
 */
export function openDriverRig(trial: DriverTrial): Promise<DriverRig> {
  return openAgent(trial, new DriverWorld());
}

interface EndingRig extends DriverRig {
  readonly endAll: () => Promise<void>;
}

async function openAgent(trial: DriverTrial, world: DriverWorld): Promise<EndingRig> {
  const leaving = new AbortController();
  const { executor, pool, usage, claims, sessions } = await openExecutor(world, leaving.signal);
  const driver = trial.driver();
  const doors = keptDoors(executor, 1, claims);
  const { deaf } = trial;
  const request = async (config: Config): Promise<RunRequest> => world.request(driver.name, config);
  const leave = (): void => {
    leaving.abort();
    pool.close();
  };
  world.agents.push(leave);
  const next = (): Promise<EndingRig> => {
    leave();
    return openAgent(trial, world);
  };
  return {
    driver,
    doors,
    usage,
    sessions,
    lasting: () => request(trial.lasting),
    ending: (exitCode) => request(trial.ending(exitCode)),
    impossible: () => request(trial.impossible),
    ...(deaf && {
      deaf: () => request(deaf),
      untilDeaf: (run) => untilDeaf({ driver, doors }, run),
    }),
    nextAgent: next,
    end: async () => (await next()).endAll(),
    async endAll() {
      for (const run of world.runs) {
        await driver.stop(run, LEFTOVER_PLAN, doors, never);
        await driver.release(run, doors);
      }
      // Also those that a rule left behind: they would start hosts anew for ever.
      for (const agent of world.agents.slice(0, -1)) agent();
      await pool.dismissIdle();
      leave();
      world.clear();
    },
  };
}

async function openExecutor(world: DriverWorld, signal: AbortSignal) {
  const { instanceId } = world;
  const shared = {
    stateDir: world.dir,
    instanceId,
    agentEpoch: world.nextEpoch(),
    machineEpoch: machineEpoch(),
    cgroups: new RunCgroups(instanceId, 'auto'),
  };
  const pool: HostPool = new HostPool({
    ...shared,
    kind: 'executor',
    protocol: EXECUTOR_PROTOCOL,
    perHost: 256,
    clock: systemClock(openMemoryEventLog(), shared.machineEpoch),
    logger: silentLogger,
    record: () => undefined,
    onUp: (host, adopted) => executor.greet(host, adopted, signal),
  });
  const executor = new Executor({ ...shared, pool });
  await pool.restore();
  const usage = new UsageFeed(pool, shared.agentEpoch);
  const hosts = sessionHosts({ runs: pool });
  const sessions = new Sessions({ ...shared, hosts, signal });
  return { executor, pool, usage, sessions, claims: new FileClaims(shared) };
}
