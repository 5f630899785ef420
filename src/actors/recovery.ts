/** What an agent does between replaying and being ready: meets the hosts, rebuilds what was lost, wakes every actor. */
import type { RecoveryReport } from '../api.ts';
import { messageOf } from '../errors.ts';
import { allocStream, taskStream } from '../events/envelope.ts';
import type { Facts } from '../machines/chart-parts.ts';
import type { NodeEvent } from '../events/node-event.ts';
import type { OpenedStore } from '../log/open-store.ts';
import { takenOver } from '../log/refusals.ts';
import { isAllocLive } from '../machines/alloc-facts.ts';
import { PACKAGE_VERSION } from '../version.ts';
import type { AgentDoors } from './agent-doors.ts';
import { endOrphans, putAway, surveyRuns, taskKeysOfHeld, type Survey } from './boot-sweep.ts';
import { AllocRunner, type AllocRunnerDoors } from './alloc-runner.ts';
import type { HostPool } from './host-pool.ts';
import type { NodeJournal } from './node-journal.ts';
import type { Replayed } from './replay.ts';
import type { Roster } from './roster.ts';
import { endPredecessor, predecessorsFirst } from './predecessors.ts';
import { Settling } from './settling.ts';
import { removeUnusedPlugins } from './unused-plugins.ts';
import { savedSpecOf, type SavedSpec } from './saved-spec.ts';

export interface RecoveryDoors {
  readonly agent: AgentDoors;
  readonly journal: NodeJournal;
  readonly roster: Roster;
  readonly store: OpenedStore;
  readonly replayed: Replayed;
  readonly agentEpoch: number;
  readonly machineEpoch: string;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
  /** Everything that the log and the files speak of was looked at. */
  readonly onRecovered: () => void;
}

export class Recovery {
  readonly #doors: RecoveryDoors;
  readonly #settling = new Settling();
  #survey: Survey = { found: new Map(), orphans: [] };

  constructor(doors: RecoveryDoors) {
    this.#doors = doors;
  }

  started(): Facts<NodeEvent, 'AgentStarted'> {
    const { agent, agentEpoch, machineEpoch } = this.#doors;
    const { instanceId } = agent;
    const steadyAt = agent.clock.steady();
    const { pid } = process;
    return { agentEpoch, machineEpoch, instanceId, pid, version: PACKAGE_VERSION, steadyAt };
  }

  get allocDoors(): AllocRunnerDoors {
    const { agent, roster } = this.#doors;
    return {
      agent,
      foldedTask: (stream) => roster.foldedTask(stream),
      foundRun: (stream) => this.#survey.found.get(stream),
      isQuarantined: (stream) => roster.isQuarantined(stream),
      onAllocState: (allocId, folded) => roster.noteAlloc(allocId, folded),
      onTaskEscalated: (stream, error) => {
        const [, allocId = ''] = stream.split('/');
        roster.quarantine(allocId, stream, error);
      },
      onTaskState: (stream, folded) => {
        const [, allocId = ''] = stream.split('/');
        this.#settling.note(stream, folded);
        roster.noteTask(allocId, stream, folded);
      },
      forgetFiles: (allocId) => this.#forgetFiles(allocId),
      endPredecessor: (allocId, signal) => endPredecessor(roster, allocId, signal),
    };
  }

  async #forgetFiles(allocId: string): Promise<void> {
    const { agent, roster } = this.#doors;
    // crash point: agent.alloc.forget
    await agent.specs.forget(allocId);
    for (const launchKey of roster.launchKeysOf(allocId)) agent.runs.sweep(launchKey);
  }

  /** Resolves when every run that may be alive is known to be alive or over. */
  async run(pools: readonly HostPool[], beganAt: number): Promise<RecoveryReport> {
    const { agent, roster, store, replayed, agentEpoch, signal } = this.#doors;
    await this.#recordDamage();
    await Promise.all([
      ...pools.map((pool) => pool.restore()),
      agent.driverWatch.begin(signal),
      this.#reportQuarantine(),
    ]);
    // crash point: agent.open.hosts-met
    this.#assertNewest();
    const left = await agent.specs.leftBehind((allocId) => roster.standingOf(allocId));
    this.#survey = surveyRuns({ agent, roster, left });
    // crash point: agent.open.surveyed
    for (const allocId of roster.allocIds) this.#wake(allocId);
    // crash point: agent.open.woken
    await this.#rebuild(left.saved);
    // Not before: an agent that dies in the middle of it must find the damage again.
    if (store.damage !== undefined) store.acknowledgeDamage();
    void this.#completeSpecs();
    void this.#sweep(roster.launchKeysOfLive()).catch((error: unknown) => {
      agent.logger.error(
        { error: messageOf(error) },
        'what an earlier agent left was not put away',
      );
    });
    await this.#settling.settled(agent.clock);
    this.#doors.onRecovered();
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

  /**
   * An agent that was stopped for a while as it opened, and overtaken meanwhile, knows nothing of what came since: the
   * files of those tasks are not its to remove. Throws EPOCH_STALE.
   */
  #assertNewest(): void {
    const { agent, agentEpoch } = this.#doors;
    const newest = Number(agent.log.getMeta('agentEpoch'));
    if (newest <= agentEpoch) return;
    const error = takenOver(newest, agentEpoch);
    agent.log.fail(error);
    throw error;
  }

  /** `current` was listed before anything could start: a run that just begins looks like one that never began. */
  async #sweep(current: ReadonlySet<string>): Promise<void> {
    const { agent, roster, signal } = this.#doors;
    const { orphans } = this.#survey;
    const kept = new Set([...roster.taskKeysOfLive(), ...taskKeysOfHeld(orphans)]);
    const released = this.#releaseCollectors(kept);
    try {
      // crash point: agent.sweep.begun
      await endOrphans(agent, orphans, signal);
      this.#assertNewest();
      agent.runs.removeFifosBut(kept);
    } finally {
      agent.gate.release('boot-sweep');
    }
    // crash point: agent.sweep.ended
    await released;
    await agent.executor.forgetOthers(current);
    await agent.output.forgetOthers(current);
    await putAway(agent, orphans, signal);
    const isConfigured = (name: string): boolean => agent.drivers.find(name) !== undefined;
    await removeUnusedPlugins(agent.layout.stateDir, agent.machineEpoch, isConfigured);
  }

  async #releaseCollectors(kept: ReadonlySet<string>): Promise<void> {
    const { agent } = this.#doors;
    try {
      await agent.logmon.releaseOthers(kept);
    } catch (error) {
      agent.logger.warn({ error: messageOf(error) }, 'a task that is over is still collected for');
    }
  }

  async #recordDamage(): Promise<void> {
    const { agent, store } = this.#doors;
    if (store.damage === undefined) return;
    const { movedTo, ...facts } = store.damage;
    if (movedTo === '') agent.logger.error(facts, 'the store was lost');
    else agent.logger.error(store.damage, 'the store could not be used and was moved aside');
    await this.#doors.journal.append('StoreDamaged', store.damage);
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
    if (folded === undefined || !isAllocLive(folded.state.value)) return;
    for (const task of roster.taskNamesOf(allocId)) {
      const stream = taskStream(allocId, task);
      this.#settling.expect(stream, roster.foldedTask(stream), roster.isQuarantined(stream));
    }
    const runner = new AllocRunner(allocId, folded, this.allocDoors);
    roster.admit(runner);
    runner.start();
  }

  /**
   * Allocs that only their spec files know: received again after a lost store, and when something of them runs.
   * Otherwise nobody was told that they were accepted, and the file goes.
   */
  async #rebuild(saved: readonly SavedSpec[]): Promise<void> {
    const { agent, roster, store } = this.#doors;
    for (const { allocId, ...accepted } of predecessorsFirst(saved)) {
      const { spec } = accepted;
      if (roster.isQuarantined(allocStream(allocId))) continue;
      const runs = spec.tasks.some(({ name }) => this.#survey.found.has(taskStream(allocId, name)));
      if (store.damage === undefined && !runs) {
        await agent.specs.forget(allocId);
        continue;
      }
      agent.logger.warn({ stream: allocStream(allocId) }, 'rebuilt from its spec file');
      const runner = new AllocRunner(allocId, undefined, this.allocDoors);
      roster.admit(runner);
      const streams = spec.tasks.map((task) => taskStream(allocId, task.name));
      for (const stream of streams) {
        if (this.#survey.found.has(stream)) this.#settling.await(stream);
      }
      runner.start();
      try {
        await runner.tell({ type: 'ReceiveAlloc', ...accepted, recovered: true });
      } catch (error) {
        // One spec that cannot be accepted must not keep the agent from all the others.
        agent.logger.error({ allocId, error: messageOf(error) }, 'could not be rebuilt');
        runner.stop();
        roster.dismiss(allocId);
        for (const stream of streams) this.#settling.giveUp(stream);
      }
    }
  }

  /** The files are the second place where it is told what is wanted: here it is seen to that there are two. */
  async #completeSpecs(): Promise<void> {
    const { agent, roster } = this.#doors;
    const isLive = (allocId: string): boolean => roster.standingOf(allocId) === 'live';
    await agent.specs.complete(roster.allocIds.filter(isLive), (allocId) => {
      const { context } = roster.folded(allocId)?.state ?? {};
      return context && isLive(allocId) ? savedSpecOf(allocId, context) : undefined;
    });
  }

  #report(): RecoveryReport['tasks'] {
    const { roster } = this.#doors;
    return [...this.#settling.outcomes].map(([stream, outcome]) => {
      const [, allocId = '', task = ''] = stream.split('/');
      return { alloc: roster.nameOf(allocId) ?? '', allocId, task, outcome };
    });
  }
}
