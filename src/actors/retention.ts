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

/** Before files that could not be removed are tried again, each time twice as long. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
/** A task chose the names that stand in it. */
const MOST_CHARACTERS_OF_ERROR = 300;

/** An alloc whose files could not be removed: the others do not wait for it. */
interface Stuck {
  readonly pauseMs: number;
  /** Undefined when its pause is over. */
  readonly cancel: (() => void) | undefined;
}

export class Retention {
  readonly #doors: RetentionDoors;
  readonly #stuck = new Map<string, Stuck>();
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
    const end = (): void => {
      cancel();
      for (const one of this.#stuck.values()) one.cancel?.();
    };
    signal.addEventListener('abort', end, { once: true });
    look();
  }

  /** Resolves when no more is to be removed. One at a time. */
  async #look(signal: AbortSignal): Promise<void> {
    if (this.#isAtWork || signal.aborted) return;
    this.#isAtWork = true;
    try {
      for (let batch = this.#next(); batch.length > 0; batch = this.#next()) {
        await this.#remove(batch, signal);
        if (signal.aborted) return;
      }
    } catch (error) {
      const { logger } = this.#doors.agent;
      logger.error({ error: shortened(messageOf(error)) }, 'finished allocs could not be removed');
    } finally {
      this.#isAtWork = false;
    }
  }

  /** The oldest of those that are too many, once they are worth the work; first what was removed but for its events. */
  #next(): readonly string[] {
    const { removed: recorded, finished } = this.#doors.roster.ended();
    const removed = recorded.filter((id) => this.#stuck.get(id)?.cancel === undefined);
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
  async #remove(allocIds: readonly string[], signal: AbortSignal): Promise<void> {
    const { agent, roster } = this.#doors;
    const gone: string[] = [];
    for (const allocId of allocIds) {
      await this.#recordRemoval(allocId);
      // crash point: agent.retention.recorded
      if (await this.#removeFiles(allocId, signal)) gone.push(allocId);
      // crash point: agent.retention.files-gone
    }
    if (gone.length === 0) return;
    const streams = gone.flatMap((allocId) => [
      allocStream(allocId),
      ...roster.taskNamesOf(allocId).map((task) => taskStream(allocId, task)),
    ]);
    await agent.log.compact(streams, agent.clock.now());
    // crash point: agent.retention.compacted
    for (const allocId of gone) roster.drop(allocId);
  }

  /** False when they are still there: they are tried again later. */
  async #removeFiles(allocId: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#doors.removeFiles(allocId);
      this.#stuck.delete(allocId);
      return true;
    } catch (error) {
      this.#tryLater(allocId, error, signal);
      return false;
    }
  }

  #tryLater(allocId: string, error: unknown, signal: AbortSignal): void {
    const { clock, logger } = this.#doors.agent;
    const before = this.#stuck.get(allocId)?.pauseMs ?? FIRST_PAUSE_MS / 2;
    const pauseMs = Math.min(2 * before, LONGEST_PAUSE_MS);
    const wake = (): void => {
      this.#stuck.set(allocId, { pauseMs, cancel: undefined });
      void this.#look(signal);
    };
    const cancel = signal.aborted ? () => {} : clock.at(clock.steady() + pauseMs, wake);
    this.#stuck.set(allocId, { pauseMs, cancel });
    const facts = { allocId, pauseMs, error: shortened(messageOf(error)) };
    logger.warn(facts, 'the files of a finished alloc could not be removed');
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

function shortened(text: string): string {
  const most = MOST_CHARACTERS_OF_ERROR;
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
