/** The composition root: opens a data directory, wires everything, replays the log, and only then acts. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Orchestrator, RecoveryReport } from './api.ts';
import type { AgentDoors } from './actors/agent-doors.ts';
import { Executor } from './actors/executor.ts';
import { HostPool, type HostPoolDoors } from './actors/host-pool.ts';
import { takeInstance } from './actors/instance-file.ts';
import { Logmon } from './actors/logmon.ts';
import { NodeJournal } from './actors/node-journal.ts';
import { Recovery } from './actors/recovery.ts';
import { emptyReplay, replayLog, type Replayed } from './actors/replay.ts';
import { Roster } from './actors/roster.ts';
import { RunSweeper } from './actors/run-files.ts';
import { systemClock } from './actors/system-clock.ts';
import { systemRandom } from './actors/system-random.ts';
import { checkDataDirectory } from './data-dir.ts';
import type { Driver } from './drivers/driver.ts';
import { DriverRegistry } from './drivers/registry.ts';
import type { Hook } from './hooks/hook.ts';
import { HookRegistry } from './hooks/registry.ts';
import { layoutOf, type Layout } from './layout.ts';
import { LocalOrchestrator } from './local/local-orchestrator.ts';
import type { EventLog } from './log/event-log.ts';
import { openStore, type OpenedStore } from './log/open-store.ts';
import { lockStore } from './log/store-lock.ts';
import { machineEpoch as readMachineEpoch } from './os/machine-epoch.ts';
import { silentLogger, type Clock, type Logger, type Random } from './ports.ts';
import { HoldfastError } from './errors.ts';
import type { AllocSpec } from './spec/alloc-spec.ts';
import type { GroupSpecInput } from './spec/group-schema.ts';
import { specHash } from './spec/spec-hash.ts';

export interface OrchestratorOptions {
  /** Made if needed. Refused with DATA_DIR_REFUSED when others can write it or its socket paths would be too long. */
  readonly dataDir: string;
  /** None by default: a library runs what it was told to. */
  readonly drivers?: readonly Driver[];
  /** Run after the built-in ones, in this order. */
  readonly hooks?: readonly Hook[];
  /** Silent by default. */
  readonly logger?: Logger;
  /** What closing (and `await using`) does with running tasks. Default 'stop'. A crash always leaves them. */
  readonly onClose?: 'stop' | 'leave';
  /** Tasks that one host process serves at most. Default 256; 1 gives every task processes of its own. */
  readonly tasksPerHost?: number;
  /** No task gets longer than this to end by itself. Default 30,000. */
  readonly maxKillTimeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Opens a data directory: takes its lock, replays its log, reattaches to everything that still runs, and resolves when
 * each of those tasks is known to be alive or over.
 * Errors: DATA_DIR_REFUSED, STORE_LOCKED, STORE_TOO_NEW, STORE_FAILED.
 */
export async function openOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  const beganAt = performance.now();
  const layout = prepare(options.dataDir);
  const lock = lockStore(layout.stateDir, { pid: process.pid });
  try {
    const { store, replayed } = await openReplayed(layout, options.logger ?? silentLogger);
    try {
      return await wire(options, layout, store, replayed, beganAt, () => lock.release());
    } catch (error) {
      await store.log.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

function prepare(dataDir: string): Layout {
  checkDataDirectory(dataDir);
  // Hosts live in another working directory.
  const layout = layoutOf(resolve(dataDir));
  mkdirSync(layout.dataDir, { recursive: true, mode: 0o711 });
  for (const dir of [layout.stateDir, layout.fifoDir, layout.specDir, layout.runDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  return layout;
}

async function openReplayed(
  layout: Layout,
  logger: Logger,
): Promise<{ store: OpenedStore; replayed: Replayed }> {
  let replayed = emptyReplay();
  const store = await openStore({
    dir: layout.storeDir,
    logger,
    replay(log) {
      replayed = emptyReplay();
      replayLog(log, replayed);
    },
  });
  return { store, replayed };
}

async function wire(
  options: OrchestratorOptions,
  layout: Layout,
  store: OpenedStore,
  replayed: Replayed,
  beganAt: number,
  unlock: () => void,
): Promise<Orchestrator> {
  const { logger = silentLogger, clock = systemClock } = options;
  const { log } = store;
  const { instanceId, agentEpoch } = takeInstance(layout.stateDir, log);
  const machineEpoch = readMachineEpoch();
  const journal = new NodeJournal(log, clock, logger);
  const closing = new AbortController();
  const shared = { stateDir: layout.stateDir, instanceId, agentEpoch, machineEpoch, clock, logger };
  const children = wireChildren(
    { ...shared, record: journal.record, perHost: options.tasksPerHost ?? 256 },
    closing.signal,
  );
  const { executor, logmon, pools } = children;
  const known = { log, layout, instanceId, executor, logmon, record: journal.record };
  const agent = agentDoors(options, known);
  const roster = new Roster(replayed);
  const epochs = { agentEpoch, machineEpoch };
  const recovery = new Recovery({ agent, journal, roster, store, replayed, ...epochs });
  const shutDown = shutDownOf({ roster, journal, pools, closing, log, unlock });
  const report = await recover(recovery, journal, pools, beganAt).catch(async (error: unknown) => {
    // Nothing may go on working on behalf of an agent that did not open.
    await shutDown();
    throw error;
  });
  return new LocalOrchestrator({
    agent,
    roster,
    agentEpoch,
    recovery: report,
    onClose: options.onClose ?? 'stop',
    allocDoors: recovery.allocDoors,
    newAllocId: () => randomUUID(),
    readSpec: (input) => readSpec(input, options.maxKillTimeoutMs),
    shutDown,
  });
}

/** Ends the actors, lets go of the hosts, closes the log and frees the lock. What the tasks run is not touched. */
function shutDownOf(parts: {
  readonly roster: Roster;
  readonly journal: NodeJournal;
  readonly pools: readonly HostPool[];
  readonly closing: AbortController;
  readonly log: EventLog;
  readonly unlock: () => void;
}): () => Promise<void> {
  const { roster, journal, pools, closing, log, unlock } = parts;
  return async () => {
    for (const runner of roster.runners) runner.stop();
    roster.close();
    await journal.settled();
    await Promise.all(pools.map((pool) => pool.dismissIdle()));
    closing.abort();
    for (const pool of pools) pool.close();
    await log.close();
    unlock();
  };
}

async function recover(
  recovery: Recovery,
  journal: NodeJournal,
  pools: readonly HostPool[],
  beganAt: number,
): Promise<RecoveryReport> {
  await journal.append('AgentStarted', recovery.started());
  return recovery.run(pools, beganAt);
}

/** What every actor is handed. */
function agentDoors(
  options: OrchestratorOptions,
  known: Pick<AgentDoors, 'log' | 'layout' | 'instanceId' | 'executor' | 'logmon' | 'record'>,
): AgentDoors {
  const { logger = silentLogger, clock = systemClock, random = systemRandom } = options;
  const { executor, layout } = known;
  const sweeper = new RunSweeper(layout.runDir);
  return {
    ...known,
    clock,
    random,
    logger,
    drivers: new DriverRegistry(options.drivers ?? []),
    hooks: new HookRegistry(options.hooks ?? []),
    releaseRun: (run, driver) => void driver.release(run, { executor }).catch(() => undefined),
    sweep: (launchKey) => sweeper.add(launchKey),
  };
}

/** The two kinds of host, each with the actor that speaks for it. */
function wireChildren(
  shared: Omit<HostPoolDoors, 'kind' | 'onUp'>,
  signal: AbortSignal,
): { executor: Executor; logmon: Logmon; pools: readonly HostPool[] } {
  const executorPool: HostPool = new HostPool({
    ...shared,
    kind: 'executor',
    onUp: (host, adopted) => executor.greet(host, adopted, signal),
  });
  const logmonPool: HostPool = new HostPool({
    ...shared,
    kind: 'logmon',
    onUp: (host, adopted) => logmon.greet(host, adopted, signal),
  });
  const executor = new Executor({ ...shared, pool: executorPool });
  const logmon = new Logmon(logmonPool, shared);
  return { executor, logmon, pools: [executorPool, logmonPool] };
}

/** The validator is loaded with the first spec: opening must not wait for it. */
async function readSpec(
  input: GroupSpecInput,
  maxKillTimeoutMs = 30_000,
): ReturnType<ConstructorParameters<typeof LocalOrchestrator>[0]['readSpec']> {
  const [{ validateGroup }, { resolveSpec }] = await Promise.all([
    import('./spec/validate-spec.ts'),
    import('./spec/resolve-spec.ts'),
  ]);
  const spec = resolveSpec(validateGroup(input), { maxKillTimeoutMs });
  assertStorable(spec);
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  return { spec, specHash: specHash(spec, sha256) };
}

/** A spec is stored as one event, with some facts beside it. */
const SPEC_LIMIT_BYTES = 60 * 1024;

function assertStorable(spec: AllocSpec): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= SPEC_LIMIT_BYTES) return;
  const message = `the group takes ${bytes} bytes as JSON, and at most ${SPEC_LIMIT_BYTES} are taken: put what is large into a file`;
  throw new HoldfastError('SPEC_INVALID', message, {
    details: { issues: [{ path: '', message }] },
  });
}
