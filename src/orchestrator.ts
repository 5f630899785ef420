/** The composition root: opens a data directory, wires everything, replays the log, and only then acts. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Orchestrator, RecoveryReport } from './api.ts';
import { removeAllocFiles } from './actors/alloc-files.ts';
import { Ballast } from './actors/ballast.ts';
import { refuseCopy, strangeness, wasUsed } from './actors/instance-file.ts';
import { defaultLogBudget, keepLogs } from './actors/log-upkeep.ts';
import { openReplayed } from './actors/replay.ts';
import { diskUsage } from './actors/disk-usage.ts';
import { Retention, type RetentionDoors } from './actors/retention.ts';
import { RETENTION_LIMITS, type RetentionLimits } from './actors/retention-rules.ts';
import { enterSafeModeIfNeeded, SAFE_MODE_LIMIT } from './actors/safe-mode.ts';
import { keepStore } from './actors/store-upkeep.ts';
import { checkDataDirectory, diskTrouble } from './data-dir.ts';
import { diskFailure, HoldfastError } from './errors.ts';
import { layoutOf, type Layout } from './layout.ts';
import { LocalOrchestrator } from './local/local-orchestrator.ts';
import { readSpec } from './local/read-spec.ts';
import type { EventSinks } from './sinks/event-sinks.ts';
import { isOvertaken } from './log/refusals.ts';
import { lockStore } from './log/store-lock.ts';
import { refuseFewFiles } from './os/open-files.ts';
import { checkOptions, type OrchestratorOptions } from './orchestrator-options.ts';
import { silentLogger } from './ports.ts';
import { assemble, DISK_FLOOR_BYTES, type Parts } from './orchestrator-parts.ts';

export type { OrchestratorOptions } from './orchestrator-options.ts';

/**
 * Opens a data directory: takes its lock, replays its log, reattaches to everything that still runs, and resolves when
 * each of those tasks is known to be alive or over.
 * Errors: USAGE for an option that makes no sense, DATA_DIR_REFUSED, STORE_LOCKED, STORE_TOO_NEW, STORE_FAILED,
 * RESOURCES_EXHAUSTED when the process may open too few files.
 */
export async function openOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  return (await openAdjustable(options)).orchestrator;
}

/** What of its options may change while it is open; what is left out is as by default. */
export type AdjustableOptions = Pick<OrchestratorOptions, 'retention' | 'diskFloorBytes'>;

export interface AdjustableOrchestrator {
  readonly orchestrator: Orchestrator;
  /** Counts at once. Throws USAGE, and changes nothing then. */
  adjust(options: AdjustableOptions): void;
}

/** As `openOrchestrator`. */
export async function openAdjustable(
  options: OrchestratorOptions,
): Promise<AdjustableOrchestrator> {
  checkOptions(options);
  if (options.sinks !== undefined) (await readSinks()).readSinks(options.sinks);
  refuseFewFiles();
  try {
    return await openDirectory(options).catch((error: unknown) => {
      // The first opening has fenced off whoever it was, so nobody can overtake the second.
      if (!isOvertaken(error)) throw error;
      return openDirectory(options);
    });
  } catch (error) {
    throw withCause(diskFailure(error, `open ${options.dataDir}`), options.dataDir);
  }
}

/** A store that cannot be opened on a disk that is full says no more than what SQLite says. */
function withCause(error: unknown, dataDir: string): unknown {
  const trouble = diskTrouble(dataDir);
  if (trouble === undefined || !HoldfastError.is(error) || !BY_DISK.has(error.code)) return error;
  const { code, message, details } = error;
  return new HoldfastError(code, `${message} (${trouble.text}): ${trouble.remedy}`, {
    cause: error,
    details,
  });
}

const BY_DISK: ReadonlySet<string> = new Set(['STORE_FAILED', 'RESOURCES_EXHAUSTED']);

async function openDirectory(options: OrchestratorOptions): Promise<AdjustableOrchestrator> {
  const beganAt = performance.now();
  const layout = prepare(options);
  new Ballast(layout.stateDir).giveIfNeeded();
  const lock = lockStore(layout.stateDir, { pid: process.pid });
  // crash point: agent.open.locked
  try {
    const { store, replayed } = await openReplayed({
      dir: layout.storeDir,
      markAbove: layout.markAbove,
      wasUsed: wasUsed(layout.stateDir),
      strangeness: (claim) => strangeness(layout.stateDir, claim),
      logger: options.logger ?? silentLogger,
    });
    // crash point: agent.open.replayed
    try {
      const unlock = (): void => lock.release();
      return await wire(options, assemble(options, layout, store, replayed, unlock), beganAt);
    } catch (error) {
      await store.log.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

function prepare({ dataDir, logs }: OrchestratorOptions): Layout {
  checkDataDirectory(dataDir);
  // Hosts live in another working directory.
  const layout = layoutOf(resolve(dataDir));
  refuseCopy(layout.stateDir);
  mkdirSync(layout.dataDir, { recursive: true, mode: 0o711 });
  for (const dir of [layout.stateDir, layout.fifoDir, layout.specDir, layout.runDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  return { ...layout, logBudgetBytes: logs?.budgetBytes ?? defaultLogBudget(layout.stateDir) };
}

/** Nothing is started before it is known what runs, whether it can be recorded, and that this is no crash loop. */
async function recover(
  options: OrchestratorOptions,
  { agent, recovery, journal, pools, disk, closing }: Parts,
  beganAt: number,
): Promise<RecoveryReport> {
  agent.gate.hold('boot-sweep');
  await disk.look();
  const limit = options.safeMode ?? SAFE_MODE_LIMIT;
  if (limit !== 'off') enterSafeModeIfNeeded(agent, journal, limit, closing.signal);
  const started = { ...recovery.started(), diskFloorBytes: disk.floorBytes };
  await journal.append('AgentStarted', started);
  // crash point: agent.open.started
  return recovery.run(pools, beganAt);
}

function retentionOf(
  { retention }: OrchestratorOptions,
  doors: Pick<RetentionDoors, 'agent' | 'roster' | 'allocDoors'>,
): Retention {
  const { layout } = doors.agent;
  return new Retention({
    ...doors,
    limits: retentionLimits(retention),
    usage: () => diskUsage(layout.dataDir),
    removeFiles: (allocId) => removeAllocFiles(layout, allocId),
  });
}

/** Both are loaded by agents that have sinks. */
const readSinks = () => import('./spec/read-sinks.ts');
const eventSinks = () => import('./sinks/event-sinks.ts');

/** They begin when it is known what became of the tasks: what was recorded meanwhile is the first that they send. */
async function sinksOf(
  { sinks = [] }: OrchestratorOptions,
  { agent, roster }: Parts,
): Promise<EventSinks | undefined> {
  if (sinks.length === 0) return undefined;
  const { EventSinks } = await eventSinks();
  const { log, clock, random, logger, instanceId, record } = agent;
  const nameOf = roster.nameOf.bind(roster);
  const onSkipped = (sink: string, after: number, oldest: number): void =>
    record('SinkSkipped', { sink, after, oldest });
  return new EventSinks({ log, clock, random, logger, instanceId, nameOf, onSkipped }, sinks);
}

function retentionLimits(retention: OrchestratorOptions['retention'] = {}): RetentionLimits {
  const asked = Object.entries(retention).filter(([, value]) => value !== undefined);
  return { ...RETENTION_LIMITS, ...Object.fromEntries(asked) };
}

async function wire(
  options: OrchestratorOptions,
  parts: Parts,
  beganAt: number,
): Promise<AdjustableOrchestrator> {
  const { agent, roster, recovery, disk, snapshots, agentEpoch, closing, shutDown } = parts;
  const report = await recover(options, parts, beganAt).catch(async (error: unknown) => {
    // Nothing may go on working on behalf of an agent that did not open.
    await shutDown();
    throw error;
  });
  const { allocDoors } = recovery;
  disk.watch(closing.signal);
  const { log, logger, record } = agent;
  keepStore({ log, logger, record, snapshots, signal: closing.signal });
  const append = parts.journal.append.bind(parts.journal);
  keepLogs({ stateDir: agent.layout.stateDir, log, logger, append, signal: closing.signal });
  const sinks = await sinksOf(options, parts);
  const retention = retentionOf(options, { agent, roster, allocDoors });
  retention.watch(closing.signal);
  const orchestrator = new LocalOrchestrator({
    retention,
    trail: parts.trail,
    agent,
    roster,
    agentEpoch,
    recovery: report,
    onClose: options.onClose ?? 'stop',
    allocDoors,
    newAllocId: () => randomUUID(),
    async readSpec(input) {
      const read = await readSpec(input, options.maxKillTimeoutMs);
      if (read.spec.network !== undefined) await agent.networks.assertPossible(read.spec.network);
      return read;
    },
    sinks,
    async shutDown() {
      await sinks?.close();
      await shutDown();
    },
  });
  return { orchestrator, adjust: adjusting(options, retention, disk) };
}

function adjusting(
  { dataDir }: OrchestratorOptions,
  retention: Retention,
  disk: Parts['disk'],
): AdjustableOrchestrator['adjust'] {
  return (wanted) => {
    checkOptions({ dataDir, ...wanted });
    retention.adjust(retentionLimits(wanted.retention));
    disk.adjust(wanted.diskFloorBytes ?? DISK_FLOOR_BYTES);
  };
}
