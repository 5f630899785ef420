/** What an agent does between replaying and being ready: meets the hosts, rebuilds what was lost, wakes every actor. */
import type { RecoveryOutcome, RecoveryReport } from '../api.ts';
import { messageOf } from '../errors.ts';
import { allocStream, taskStream } from '../events/envelope.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { NodeEvent } from '../events/node-event.ts';
import type { OpenedStore } from '../log/open-store.ts';
import type { TaskMessage } from '../machines/task-messages.ts';
import type { TaskContext } from '../machines/task-state.ts';
import { isLive } from '../projections/alloc-view.ts';
import { PACKAGE_VERSION } from '../version.ts';
import type { AgentDoors } from './agent-doors.ts';
import { AllocRunner, type AllocRunnerDoors } from './alloc-runner.ts';
import type { Folded } from './event-sourced.ts';
import type { HostPool } from './host-pool.ts';
import type { NodeJournal } from './node-journal.ts';
import type { Replayed } from './replay.ts';
import type { Roster } from './roster.ts';
import { findRuns, idleAmong, launchKeys } from './run-files.ts';
import { forgetSpec, readSpecs } from './spec-files.ts';

export interface RecoveryDoors {
  readonly agent: AgentDoors;
  readonly journal: NodeJournal;
  readonly roster: Roster;
  readonly store: OpenedStore;
  readonly replayed: Replayed;
  readonly agentEpoch: number;
  readonly machineEpoch: string;
}

/** Longest wait for a task of which nothing can be told, before the agent serves without it. */
const PATIENCE_MS = 5_000;

/** In these states a run may be alive, and the first duty finds out. */
const UNSETTLED = new Set(['starting', 'running', 'killing', 'exited']);

export class Recovery {
  readonly #doors: RecoveryDoors;
  readonly #unsettled = new Set<string>();
  readonly #outcomes = new Map<string, RecoveryOutcome>();
  #found: ReadonlyMap<string, TaskMessage> = new Map();
  #ready = Promise.withResolvers<void>();

  constructor(doors: RecoveryDoors) {
    this.#doors = doors;
  }

  started(): Facts<NodeEvent, 'AgentStarted'> {
    const { agent, agentEpoch, machineEpoch } = this.#doors;
    const { instanceId } = agent;
    return { agentEpoch, machineEpoch, instanceId, pid: process.pid, version: PACKAGE_VERSION };
  }

  get allocDoors(): AllocRunnerDoors {
    const { agent, roster } = this.#doors;
    return {
      agent,
      foldedTask: (stream) => roster.foldedTask(stream),
      foundRun: (stream) => this.#found.get(stream),
      isQuarantined: (stream) => roster.isQuarantined(stream),
      onAllocState: (allocId, folded) => roster.noteAlloc(allocId, folded),
      onTaskEscalated: (stream, error) => {
        const [, allocId = ''] = stream.split('/');
        roster.quarantine(allocId, stream, error);
      },
      onTaskState: (stream, folded) => {
        const [, allocId = ''] = stream.split('/');
        this.#settle(stream, folded);
        roster.noteTask(allocId, stream, folded);
      },
      forgetFiles: (allocId) => this.#forgetFiles(allocId),
    };
  }

  async #forgetFiles(allocId: string): Promise<void> {
    const { agent, roster } = this.#doors;
    forgetSpec(agent.layout.specDir, allocId);
    for (const launchKey of roster.launchKeysOf(allocId)) agent.sweep(launchKey);
  }

  /** Resolves when every run that may be alive is known to be alive or over. */
  async run(pools: readonly HostPool[], beganAt: number): Promise<RecoveryReport> {
    const { agent, roster, store, replayed, agentEpoch } = this.#doors;
    await this.#recordDamage();
    await Promise.all([
      ...pools.map((pool) => pool.restore()),
      this.#fingerprint(),
      this.#reportQuarantine(),
    ]);
    for (const allocId of roster.allocIds) this.#wake(allocId);
    if (store.damage !== undefined) {
      await this.#rebuild();
      // Not before: an agent that dies in the middle of it must find the damage again.
      store.acknowledgeDamage();
    }
    if (this.#unsettled.size === 0) this.#ready.resolve();
    const cancel = agent.clock.at(agent.clock.now() + PATIENCE_MS, () => this.#ready.resolve());
    await this.#ready.promise;
    cancel();
    for (const stream of this.#unsettled) this.#outcomes.set(stream, 'unknown');
    void this.#tidy().catch((error: unknown) => {
      agent.logger.warn({ error: messageOf(error) }, 'what an earlier agent left was not put away');
    });
    return {
      events: replayed.events,
      streams: replayed.tasks.size + replayed.allocs.size,
      head: agent.log.head,
      tookMs: Math.round(performance.now() - beganAt),
      agentEpoch,
      tasks: this.#report(),
      damage: store.damage ?? null,
    };
  }

  /** What an agent that was killed could not put away: later, so that nobody waits for it. */
  async #tidy(): Promise<void> {
    const { agent, roster, machineEpoch } = this.#doors;
    const current = new Set<string>();
    for (const allocId of roster.allocIds) {
      const folded = roster.folded(allocId);
      if (folded === undefined || !isLive(folded.state.value)) continue;
      for (const launchKey of roster.launchKeysOf(allocId)) current.add(launchKey);
    }
    // Listed before anything new can start: a run that is just beginning looks like one that never began.
    const { runDir } = agent.layout;
    const others = launchKeys(runDir).filter((key) => !current.has(key));
    await agent.executor.forgetOthers(current);
    for await (const key of idleAmong(others, runDir, machineEpoch)) agent.sweep(key);
  }

  async #recordDamage(): Promise<void> {
    const { agent, store } = this.#doors;
    if (store.damage === undefined) return;
    agent.logger.error(store.damage, 'the store was damaged and is moved aside');
    this.#found = findRuns(agent.layout.runDir, agent.instanceId);
    await this.#doors.journal.append('StoreDamaged', store.damage);
  }

  async #fingerprint(): Promise<void> {
    const { agent } = this.#doors;
    for (const [driver, print] of await agent.drivers.fingerprint()) {
      agent.record('DriverFingerprinted', { driver, ...print });
    }
  }

  async #reportQuarantine(): Promise<void> {
    const { agent, replayed } = this.#doors;
    for (const [stream, { message }] of replayed.quarantined) {
      agent.logger.error({ stream, message }, 'a stream cannot be folded and is left alone');
      agent.record('StreamQuarantined', { stream, message });
    }
  }

  /** Starts the actors of a live alloc from what was folded; each does the duty of the state it is in. */
  #wake(allocId: string): void {
    const { roster } = this.#doors;
    const folded = roster.folded(allocId);
    if (folded === undefined || !isLive(folded.state.value)) return;
    for (const task of folded.state.context.spec?.tasks ?? []) this.#expect(allocId, task.name);
    const runner = new AllocRunner(allocId, folded, this.allocDoors);
    roster.admit(runner);
    runner.start();
  }

  #expect(allocId: string, task: string): void {
    const stream = taskStream(allocId, task);
    const value = this.#doors.roster.foldedTask(stream)?.state.value;
    if (this.#doors.roster.isQuarantined(stream)) this.#outcomes.set(stream, 'quarantined');
    else if (value !== undefined && UNSETTLED.has(value)) this.#unsettled.add(stream);
    else if (value === 'backoff') this.#outcomes.set(stream, 'restarting');
    else if (value !== 'dead') this.#outcomes.set(stream, 'starting');
  }

  /** After a lost store: allocs that only their spec files know are received again. */
  async #rebuild(): Promise<void> {
    const { agent, roster } = this.#doors;
    for (const { allocId, spec, specHash } of await readSpecs(agent.layout.specDir)) {
      if (roster.isKnown(allocId)) continue;
      agent.logger.warn({ stream: allocStream(allocId) }, 'rebuilt from its spec file');
      const runner = new AllocRunner(allocId, undefined, this.allocDoors);
      roster.admit(runner);
      for (const task of spec.tasks) {
        const stream = taskStream(allocId, task.name);
        if (this.#found.has(stream)) this.#unsettled.add(stream);
      }
      runner.start();
      try {
        await runner.tell({ type: 'ReceiveAlloc', spec, specHash, recovered: true });
      } catch (error) {
        // One spec that cannot be accepted must not keep the agent from all the others.
        agent.logger.error({ allocId, error: messageOf(error) }, 'could not be rebuilt');
        runner.stop();
        roster.dismiss(allocId);
        for (const task of spec.tasks) this.#unsettled.delete(taskStream(allocId, task.name));
      }
    }
  }

  #settle(stream: string, { state, version }: Folded<TaskContext>): void {
    if (!this.#unsettled.has(stream)) return;
    const known = this.#doors.replayed.tasks.get(stream)?.version ?? 0;
    const outcome = outcomeOf(state.value, state.context, version > known);
    if (outcome === undefined) return;
    this.#unsettled.delete(stream);
    this.#outcomes.set(stream, outcome);
    if (this.#unsettled.size === 0) this.#ready.resolve();
  }

  #report(): RecoveryReport['tasks'] {
    const { roster } = this.#doors;
    return [...this.#outcomes].map(([stream, outcome]) => {
      const [, allocId = '', task = ''] = stream.split('/');
      return { alloc: roster.nameOf(allocId) ?? '', allocId, task, outcome };
    });
  }
}

/** What the first durable step of a restored task tells about its run; undefined when it tells nothing yet. */
function outcomeOf(
  value: string,
  context: TaskContext,
  isNews: boolean,
): RecoveryOutcome | undefined {
  if (!isNews) return undefined;
  if (value === 'starting' || value === 'pending') return undefined;
  if (value === 'running' || value === 'killing') return 'reattached';
  if (context.end?.kind === 'lost') return 'lost';
  if (value === 'backoff' || value === 'prestart') return 'restarting';
  return 'finished-while-away';
}
