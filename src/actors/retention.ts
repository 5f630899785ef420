/**
 * Keeps the log from growing for ever: of the allocs that have ended only the newest are kept. It goes by order, not by
 * age, so that no clock that was set wrong takes anything away.
 */
import { messageOf } from '../errors.ts';
import { allocStream, taskStream } from '../events/envelope.ts';
import type { AgentDoors } from './agent-doors.ts';
import { AllocRunner, type AllocRunnerDoors } from './alloc-runner.ts';
import type { Roster } from './roster.ts';

export interface RetentionDoors {
  readonly agent: AgentDoors;
  readonly roster: Roster;
  readonly allocDoors: AllocRunnerDoors;
  /** Ended allocs that are kept. */
  readonly keepFinishedAllocs: number;
  /** Removes everything that an alloc left on disk; may be called again. */
  readonly removeFiles: (allocId: string) => Promise<void>;
}

/** Removed together: enough to be worth a transaction, few enough to keep it short. */
const BATCH_ALLOCS = 64;

export class Retention {
  readonly #doors: RetentionDoors;
  #isAtWork = false;

  constructor(doors: RetentionDoors) {
    this.#doors = doors;
  }

  /** Looks now, and whenever an alloc has ended, until `signal` aborts. */
  watch(signal: AbortSignal): void {
    const { roster } = this.#doors;
    const look = (): void => void this.#look(signal);
    const cancel = roster.watch(() => {
      // Sorting them all is not for every step of every task.
      if (!this.#isAtWork && this.#surplus(roster.endedCount) > 0) setImmediate(look);
    });
    signal.addEventListener('abort', cancel, { once: true });
    look();
  }

  /** Resolves when no more is to be removed. One at a time. */
  async #look(signal: AbortSignal): Promise<void> {
    if (this.#isAtWork || signal.aborted) return;
    this.#isAtWork = true;
    try {
      for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
        await this.#remove(batch);
        if (signal.aborted) return;
      }
    } catch (error) {
      const { logger } = this.#doors.agent;
      logger.error({ error: messageOf(error) }, 'finished allocs could not be removed');
    } finally {
      this.#isAtWork = false;
    }
  }

  /** The oldest of those that are too many, once they are worth the work; first what was removed but for its events. */
  #next(): readonly string[] {
    const { removed, finished } = this.#doors.roster.ended();
    if (removed.length > 0) return removed.slice(0, BATCH_ALLOCS);
    return finished.slice(0, Math.min(this.#surplus(finished.length), BATCH_ALLOCS));
  }

  /** 0 until there are enough to be worth a transaction. */
  #surplus(ended: number): number {
    const keep = this.#doors.keepFinishedAllocs;
    const surplus = ended - keep;
    return surplus >= Math.min(BATCH_ALLOCS, Math.max(1, keep / 10)) ? surplus : 0;
  }

  /** Each step may be repeated by the next agent: recorded as removed, files gone, events gone. */
  async #remove(allocIds: readonly string[]): Promise<void> {
    const { agent, roster, removeFiles } = this.#doors;
    for (const allocId of allocIds) {
      await this.#recordRemoval(allocId);
      // crash point: agent.retention.recorded
      await removeFiles(allocId);
      // crash point: agent.retention.files-gone
    }
    const streams = allocIds.flatMap((allocId) => [
      allocStream(allocId),
      ...roster.taskNamesOf(allocId).map((task) => taskStream(allocId, task)),
    ]);
    await agent.log.compact(streams, agent.clock.now());
    // crash point: agent.retention.compacted
    for (const allocId of allocIds) roster.drop(allocId);
  }

  async #recordRemoval(allocId: string): Promise<void> {
    const { roster, allocDoors } = this.#doors;
    const folded = roster.folded(allocId);
    if (folded?.state.value !== 'stopped') return;
    const runner = new AllocRunner(allocId, folded, allocDoors);
    runner.start();
    try {
      await runner.tell({ type: 'RemoveAlloc' });
    } finally {
      runner.stop();
    }
  }
}
