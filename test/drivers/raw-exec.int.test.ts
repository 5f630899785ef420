/** raw_exec is a driver: the contract, with a real executor, real hosts and real programs. */
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Executor } from '../../src/actors/executor.ts';
import { HostPool } from '../../src/actors/host-pool.ts';
import { RunCgroups } from '../../src/actors/run-cgroups.ts';
import { systemClock } from '../../src/actors/system-clock.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { rawExec } from '../../src/drivers/raw-exec.ts';
import type { RunRequest } from '../../src/drivers/driver.ts';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { makeFifo } from '../../src/os/libc.ts';
import { EXECUTOR_PROTOCOL } from '../../src/rpc/executor-methods.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { silentLogger } from '../../src/ports.ts';
import { describeDriver, type DriverRig } from '../contract/driver.contract.ts';
import { runRequest } from './run-request.ts';

/** What outlives an agent: the directory, the hosts in it, and every run that was asked for. */
class World {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'hf-raw-'));
  readonly runs: RunRequest[] = [];
  readonly #fifos: readonly number[];
  agents = 0;

  constructor() {
    mkdirSync(join(this.stateDir, 'run'));
    this.#fifos = ['out', 'err'].map((name) => {
      makeFifo(join(this.stateDir, name));
      return openSync(join(this.stateDir, name), constants.O_RDWR | constants.O_NONBLOCK);
    });
  }

  async request(command: string, ...args: readonly string[]): Promise<RunRequest> {
    const run = runRequest('raw_exec', { command, args }, this.runs.length + 1, this.stateDir);
    this.runs.push(run);
    return run;
  }

  clear(): void {
    for (const fifo of this.#fifos) closeSync(fifo);
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

/** Whatever a test left running is ended, and the hosts with it. */
interface RawRig extends DriverRig {
  endAll(): Promise<void>;
}

async function agentOf(world: World): Promise<RawRig> {
  world.agents += 1;
  const leaving = new AbortController();
  const shared = {
    stateDir: world.stateDir,
    instanceId: 'i1',
    agentEpoch: world.agents,
    machineEpoch: machineEpoch(),
    cgroups: new RunCgroups('i1', 'auto'),
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
  const driver = rawExec();
  const doors = { executor };
  const leave = (): void => {
    leaving.abort();
    pool.close();
  };
  return {
    driver,
    doors,
    lasting: () => world.request('sleep', '600'),
    ending: (exitCode) => world.request('sh', '-c', `exit ${exitCode}`),
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

describeDriver('raw_exec', () => agentOf(new World()));
