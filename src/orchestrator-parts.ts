/** Makes everything that one agent is of, and hands each part what it works with. */
import type { AgentDoors } from './actors/agent-doors.ts';
import { AuditTrail } from './actors/audit-trail.ts';
import { Ballast } from './actors/ballast.ts';
import { wireChildren } from './actors/children.ts';
import { DiskWatch, wasLow } from './actors/disk-watch.ts';
import { driverSupplies } from './actors/driver-supplies.ts';
import { hookSupplies } from './actors/hook-supplies.ts';
import type { HostPool } from './actors/host-pool.ts';
import { takeInstance } from './actors/instance-file.ts';
import { networkSupplies } from './actors/network-supplies.ts';
import { LogReaders } from './actors/log-readers.ts';
import { NodeJournal } from './actors/node-journal.ts';
import { Recovery } from './actors/recovery.ts';
import { PlaceWatch } from './actors/place-watch.ts';
import { type Replayed } from './actors/replay.ts';
import { Roster } from './actors/roster.ts';
import { RunCgroups } from './actors/run-cgroups.ts';
import { surroundings } from './actors/run-env.ts';
import { RunFiles } from './actors/run-files.ts';
import { shutDownOf } from './actors/shut-down.ts';
import { SnapshotKeeper } from './actors/snapshot-keeper.ts';
import { SpecFiles } from './actors/spec-files.ts';
import { StartGate } from './actors/start-gate.ts';
import { systemClock } from './actors/system-clock.ts';
import { systemRandom } from './actors/system-random.ts';
import type { Driver } from './drivers/driver.ts';
import { HookRegistry } from './hooks/registry.ts';
import { type Layout } from './layout.ts';
import { besideOf } from './local/run-beside.ts';
import type { OpenedStore } from './log/open-store.ts';
import { machineEpoch as readMachineEpoch } from './os/machine-epoch.ts';
import { type OrchestratorOptions } from './orchestrator-options.ts';
import { pluginDriver } from './plugin/plugin-driver.ts';
import { silentLogger } from './ports.ts';

/** When nobody says it. */
export const DISK_FLOOR_BYTES = 64 * 1024 * 1024;

/** Everything that one agent is made of. */
export interface Parts {
  readonly agent: AgentDoors;
  readonly roster: Roster;
  readonly recovery: Recovery;
  readonly journal: NodeJournal;
  readonly trail: AuditTrail;
  readonly pools: readonly HostPool[];
  readonly disk: DiskWatch;
  readonly snapshots: SnapshotKeeper;
  readonly agentEpoch: number;
  readonly closing: AbortController;
  readonly shutDown: () => Promise<void>;
}

export function assemble(
  options: OrchestratorOptions,
  layout: Layout,
  store: OpenedStore,
  replayed: Replayed,
  unlock: () => void,
): Parts {
  const { logger = silentLogger } = options;
  const { log } = store;
  const { stateDir } = layout;
  const { instanceId, agentEpoch } = takeInstance(stateDir, log);
  const machineEpoch = readMachineEpoch();
  const clock = options.clock ?? systemClock(log, machineEpoch);
  const journal = new NodeJournal(log, clock, logger);
  const closing = new AbortController();
  const [{ record }, { signal }] = [journal, closing];
  const cgroups = new RunCgroups(instanceId, options.cgroups ?? 'auto');
  const shared = { stateDir, instanceId, agentEpoch, machineEpoch, clock, logger, record, cgroups };
  const { drivers } = driversOf(options);
  const wired = { ...shared, perHost: options.tasksPerHost ?? 256 };
  const { pools, ...doors } = wireChildren(wired, signal, askedOf(drivers));
  const gate = new StartGate();
  const runs = new RunFiles(layout, instanceId, machineEpoch, cgroups);
  const own = { log, layout, instanceId, machineEpoch, record, clock, gate, runs };
  const around = surroundings(options, process.env, cgroups.parent);
  const roster = new Roster(replayed);
  const supplies = hookSupplies(stateDir, replayed.tasks, options);
  const networks = networkSupplies({ roster, stateDir, instanceId }, options);
  const beside = {
    ...supplies,
    ...networks,
    runBeside: besideOf(() => ({ agent, roster, signal })),
  };
  const { onRecovered, ...driving } = driverSupplies({ ...shared, roster }, { drivers });
  const readers = new LogReaders();
  const known = { ...own, ...doors, ...beside, ...driving, surroundings: around, readers };
  const agent: AgentDoors = agentDoors(options, known);
  const actors = { agent, journal, roster, store, replayed };
  const recovery = new Recovery({ ...actors, agentEpoch, machineEpoch, signal, onRecovered });
  const floorBytes = options.diskFloorBytes ?? DISK_FLOOR_BYTES;
  const ballast = new Ballast(stateDir);
  const place = new PlaceWatch(layout, log, agentEpoch);
  const room = { dir: stateDir, floorBytes, ballast, wasLow: wasLow(log) };
  const disk = new DiskWatch({ ...room, place, gate, record, logger });
  const snapshots = new SnapshotKeeper({ log, logger, gate, replayed });
  const trail = new AuditTrail({ log, clock, logger });
  const parts = { roster, journal, trail, pools, closing, snapshots };
  const shutDown = shutDownOf({ ...parts, ...driving, log, unlock });
  return { ...parts, agent, recovery, disk, agentEpoch, shutDown };
}

/** Those in this process, and those in processes of their own. */
function driversOf({ drivers = [], driverPlugins = [] }: OrchestratorOptions): {
  readonly drivers: readonly Driver[];
} {
  return { drivers: [...drivers, ...driverPlugins.map(pluginDriver)] };
}

/** Which of them has a host of its own for this run, and where. */
function askedOf(drivers: readonly Driver[]): Parameters<typeof wireChildren>[2] {
  return async (launchKey) => {
    for (const driver of drivers) {
      const place = await driver.sessionHost?.(launchKey);
      if (place !== undefined) return place;
    }
    return undefined;
  };
}

/** What every actor is handed. */
function agentDoors(
  options: OrchestratorOptions,
  known: Omit<AgentDoors, 'random' | 'logger' | 'hooks' | 'specs' | 'releaseRun'>,
): AgentDoors {
  const { logger = silentLogger, random = systemRandom } = options;
  const { layout } = known;
  return {
    ...known,
    random,
    logger,
    hooks: new HookRegistry(options.hooks ?? [], options),
    releaseRun: (run, driver, doors) => void driver.release(run, doors).catch(() => undefined),
    specs: new SpecFiles(layout.specDir, { logger }),
  };
}
