/** An agent as a driver in its own process sees it, without an agent: the contract is tried through the protocol. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { closeSync, constants, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunCgroups } from '../../src/actors/run-cgroups.ts';
import { ForeignHosts, type SessionHosts } from '../../src/actors/session-hosts.ts';
import { Sessions } from '../../src/actors/sessions.ts';
import { systemClock } from '../../src/actors/system-clock.ts';
import type { DriverAgent } from '../../src/drivers/driver-agent.ts';
import type { Driver, ExecutorDoor, RunRequest } from '../../src/drivers/driver.ts';
import { openMemoryEventLog } from '../../src/log/memory-event-log.ts';
import { LEFTOVER_PLAN } from '../../src/machines/kill-policy.ts';
import { makeFifo } from '../../src/os/libc.ts';
import { machineEpoch } from '../../src/os/machine-epoch.ts';
import { pluginDriver } from '../../src/plugin/plugin-driver.ts';
import { keptDoors } from '../../src/testing/index.ts';
import type { KeptDoors } from '../../src/testing/driver-doors.ts';
import type { DriverRig } from '../contract/driver.contract.ts';
import { runRequest } from '../drivers/run-request.ts';
import { INSTANCE } from '../own-instance.ts';

export interface Warning {
  readonly facts: object;
  readonly message: string | undefined;
}

/** What outlives agents. */
export class PluginWorld {
  readonly name: string;
  readonly path: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly stateDir = mkdtempSync(join(tmpdir(), 'hf-plug-'));
  readonly runs: RunRequest[] = [];
  readonly warnings: Warning[] = [];
  /** What was recorded of the node. */
  readonly facts: { readonly type: string; readonly facts: object }[] = [];
  readonly counts: unknown[] = [];
  /** How often the agent was told that the driver changed. */
  changes = 0;
  readonly #fifos: readonly number[];

  constructor(name: string, path: string, options = {}) {
    this.name = name;
    this.path = path;
    this.options = options;
    for (const dir of ['local', 'secrets', 'private', 'tmp', 'logs']) {
      mkdirSync(join(this.stateDir, dir));
    }
    this.#fifos = ['out', 'err'].map((fifo) => {
      makeFifo(join(this.stateDir, fifo));
      return openSync(join(this.stateDir, fifo), constants.O_RDWR | constants.O_NONBLOCK);
    });
  }

  request(command: string, ...args: readonly string[]): RunRequest {
    const number = this.runs.length + 1;
    const run = runRequest(this.name, { command, args }, number, this.stateDir);
    this.runs.push(run);
    return run;
  }

  /** The addresses of what serves the driver. */
  hosts(kind: string): readonly { pid: number; version: string; socket: string }[] {
    const dir = join(this.stateDir, 'plugins', this.name, 'hosts');
    const ids = existsSync(dir) ? readdirSync(dir) : [];
    return ids.flatMap((id) => {
      try {
        const text = readFileSync(join(dir, id, 'address.json'), 'utf8');
        const address = JSON.parse(text) as {
          kind: string;
          pid: number;
          version: string;
          socket: string;
        };
        return address.kind === kind ? [address] : [];
      } catch {
        return [];
      }
    });
  }

  clear(): void {
    for (const fifo of this.#fifos) closeSync(fifo);
    for (const { pid } of this.hosts('executor')) process.kill(pid, 'SIGKILL');
    rmSync(this.stateDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

export interface PluginRig extends DriverRig {
  readonly doors: KeptDoors;
  /** Lets go of the driver, as an agent does that ends. */
  leave(): Promise<void>;
}

/** Whatever a driver in its own process is handed of these is not used: it has its own. */
const noExecutor = {} as ExecutorDoor;
const never = new AbortController().signal;

export async function pluginAgent(world: PluginWorld, epoch = 1): Promise<PluginRig> {
  const text = { instanceId: INSTANCE, storeId: 's', agentEpoch: epoch };
  writeFileSync(join(world.stateDir, 'instance.json'), JSON.stringify(text));
  const { name, path, options } = world;
  const driver = pluginDriver({ name, path, options });
  const attachment = await driver.attach?.(agentOf(world));
  const doors = keptDoors(noExecutor);
  const leave = async (): Promise<void> => attachment?.close();
  return {
    driver,
    doors,
    leave,
    sessions: sessionsOf(driver, epoch),
    lasting: async () => world.request('sleep', '600'),
    ending: async (exitCode) => world.request('sh', '-c', `exit ${exitCode}`),
    impossible: async () => world.request('no-such-program'),
    async nextAgent() {
      await leave();
      return pluginAgent(world, epoch + 1);
    },
    async end() {
      await leave();
      const last = await pluginAgent(world, epoch + 100);
      for (const run of world.runs) {
        // A driver that makes no sense has started nothing.
        await last.driver.stop(run, LEFTOVER_PLAN, last.doors, never).catch(() => undefined);
      }
      await last.leave();
      world.clear();
    },
  };
}

/** The agent's side of commands: with the hosts that the driver names. */
function sessionsOf(driver: Driver, agentEpoch: number): Sessions {
  const placeOf = async (key: string) => driver.sessionHost?.(key);
  const foreign = new ForeignHosts({ instanceId: INSTANCE, agentEpoch, placeOf });
  const hosts: SessionHosts = {
    whereIs: (launchKey) => foreign.whereIs(launchKey),
    placeInContainer: () => Promise.reject(new Error('it has no containers')),
    get all() {
      return foreign.all;
    },
  };
  return new Sessions({
    hosts,
    agentEpoch,
    cgroups: new RunCgroups(INSTANCE, 'off'),
    signal: never,
  });
}

function agentOf(world: PluginWorld): DriverAgent {
  const epoch = machineEpoch();
  return {
    instanceId: INSTANCE,
    machineEpoch: epoch,
    stateDir: world.stateDir,
    clock: systemClock(openMemoryEventLog(), epoch),
    logger: {
      debug() {},
      info() {},
      warn: (facts, message) => void world.warnings.push({ facts, message }),
      error() {},
    },
    recovered: Promise.resolve(),
    isKnown: () => true,
    record: (type, facts) => void world.facts.push({ type, facts }),
    changed: () => void (world.changes += 1),
    count: (...counted) => void world.counts.push(counted),
  };
}
