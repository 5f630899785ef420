/** A world in which a driver of processes passes the contract: a real executor, real hosts and real programs. */
import { keptDoors } from '../../src/testing/index.ts';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Executor } from '../../src/actors/executor.ts';
import { HostPool } from '../../src/actors/host-pool.ts';
import { RunCgroups } from '../../src/actors/run-cgroups.ts';
import { systemClock } from '../../src/actors/system-clock.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import type { Driver, RunRequest } from '../../src/drivers/driver.ts';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { makeFifo } from '../../src/os/libc.ts';
import { EXECUTOR_PROTOCOL } from '../../src/rpc/executor-methods.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { silentLogger } from '../../src/ports.ts';
import type { DriverRig } from '../contract/driver.contract.ts';
import { DEAF_SCRIPT, untilDeaf } from './until-deaf.ts';
import { runRequest } from './run-request.ts';
import { INSTANCE } from '../own-instance.ts';

/** What outlives an agent: the directory, the hosts in it, and every run that was asked for. */
export class World {
  readonly driver: Driver;
  /** Of every task. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly stateDir = mkdtempSync(join(tmpdir(), 'hf-driver-'));
  readonly runs: RunRequest[] = [];
  readonly #fifos: readonly number[];
  agents = 0;

  constructor(driver: Driver, config: Readonly<Record<string, unknown>> = {}) {
    this.driver = driver;
    this.config = config;
    for (const name of ['run', 'logs', 'local', 'secrets', 'private', 'tmp'])
      mkdirSync(join(this.stateDir, name));
    this.#fifos = ['out', 'err'].map((name) => {
      makeFifo(join(this.stateDir, name));
      return openSync(join(this.stateDir, name), constants.O_RDWR | constants.O_NONBLOCK);
    });
  }

  async request(command: string, ...args: readonly string[]): Promise<RunRequest> {
    const config = { ...this.config, command, args };
    const run = runRequest(this.driver.name, config, this.runs.length + 1, this.stateDir);
    this.runs.push(run);
    return run;
  }

  clear(): void {
    for (const fifo of this.#fifos) closeSync(fifo);
    // A host that is ending may still write into it.
    rmSync(this.stateDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** Whatever a test left running is ended, and the hosts with it. */
interface WorldRig extends DriverRig {
  endAll(): Promise<void>;
}

export async function agentOf(world: World): Promise<WorldRig> {
  world.agents += 1;
  const leaving = new AbortController();
  const shared = {
    stateDir: world.stateDir,
    instanceId: INSTANCE,
    agentEpoch: world.agents,
    machineEpoch: machineEpoch(),
    cgroups: new RunCgroups(INSTANCE, 'auto'),
  };
  const pool: HostPool = new HostPool({
    ...shared,
    kind: 'executor',
    protocol: EXECUTOR_PROTOCOL,
    perHost: 256,
    clock: systemClock(openMemoryEventLog(), shared.machineEpoch),
    logger: silentLogger,
    record: () => undefined,
    onUp: (host, adopted) => executor.greet(host, adopted, leaving.signal),
  });
  const executor = new Executor({ ...shared, pool });
  await pool.restore();
  const { driver } = world;
  const doors = keptDoors(executor);
  const leave = (): void => {
    leaving.abort();
    pool.close();
  };
  return {
    driver,
    doors,
    lasting: () => world.request('sleep', '600'),
    ending: (exitCode) => world.request('sh', '-c', `exit ${exitCode}`),
    deaf: () => world.request('sh', '-c', DEAF_SCRIPT),
    untilDeaf: (run) => untilDeaf({ driver, doors }, run),
    impossible: () => world.request('no-such-program'),
    async nextAgent() {
      leave();
      return agentOf(world);
    },
    async end() {
      leave();
      const last = await agentOf(world);
      await last.endAll();
    },
    async endAll() {
      for (const run of world.runs) {
        await driver.stop(run, LEFTOVER_PLAN, doors, leaving.signal);
        await driver.release(run, doors);
      }
      await pool.dismissIdle();
      leave();
      world.clear();
    },
  };
}
