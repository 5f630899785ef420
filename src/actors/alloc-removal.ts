/**
 * Removes allocs that have ended: recorded as removed, then their files, then their events. The next agent goes on
 * behind any of these steps. Files that cannot be removed are recorded once, and tried again ever later; the others do
 * not wait for them.
 */
import { messageOf } from '../errors.ts';
import { allocStream, taskStream } from '../events/envelope.ts';
import type { AllocMessage } from '../machines/alloc-messages.ts';
import type { AgentDoors } from './agent-doors.ts';
import { AllocRunner, type AllocRunnerDoors } from './alloc-runner.ts';
import type { Due } from './retention-rules.ts';
import type { Roster } from './roster.ts';

export interface AllocRemovalDoors {
  readonly agent: AgentDoors;
  readonly roster: Roster;
  readonly allocDoors: AllocRunnerDoors;
  /** Removes everything that an alloc left on disk; may be called again. */
  readonly removeFiles: (allocId: string) => Promise<void>;
}

export interface Removed {
  readonly allocId: string;
  /** `read`: somebody reads its output, and it was left as it is. `stuck`: its files are still there. */
  readonly outcome: 'removed' | 'read' | 'stuck';
  /** Why it is still there. */
  readonly reason: string;
}

/** Before files that could not be removed are tried again, each time twice as long. */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
/** A task chose the names that stand in it. */
const MOST_CHARACTERS_OF_ERROR = 300;

/** An alloc whose files could not be removed. */
interface Stuck {
  readonly pauseMs: number;
  /** Undefined when its pause is over. */
  readonly cancel: (() => void) | undefined;
}

export class AllocRemoval {
  readonly #doors: AllocRemovalDoors;
  readonly #onPauseOver: () => void;
  readonly #stuck = new Map<string, Stuck>();
  #isEnded = false;

  /** `onPauseOver` is told when it is time to try again what `leftOver` gives then. */
  constructor(doors: AllocRemovalDoors, onPauseOver: () => void) {
    this.#doors = doors;
    this.#onPauseOver = onPauseOver;
  }

  end(): void {
    this.#isEnded = true;
    for (const { cancel } of this.#stuck.values()) cancel?.();
  }

  /** Recorded as removed, by an earlier agent or with files that stayed; those whose pause is not over are left out. */
  leftOver(): readonly string[] {
    const { removed } = this.#doors.roster.ended();
    return removed.filter((id) => this.#stuck.get(id)?.cancel === undefined);
  }

  /** Each step may be repeated. Rejects with what the log says. */
  async remove(due: readonly Due[]): Promise<readonly Removed[]> {
    const done: Removed[] = [];
    for (const { allocId, rule } of due) {
      if (this.#isEnded) break;
      done.push(await this.#removeOne(allocId, rule));
    }
    const gone = done.filter(({ outcome }) => outcome === 'removed').map(({ allocId }) => allocId);
    if (gone.length > 0) await this.#compact(gone);
    return done;
  }

  async #removeOne(allocId: string, rule: Due['rule']): Promise<Removed> {
    const { readers } = this.#doors.agent;
    const isNew = this.#doors.roster.folded(allocId)?.state.value === 'stopped';
    if (isNew && !readers.take(allocId)) {
      return { allocId, outcome: 'read', reason: 'its output is being read' };
    }
    try {
      if (isNew) await this.#tell(allocId, { type: 'RemoveAlloc', rule });
    } catch (error) {
      readers.giveBack(allocId);
      throw error;
    }
    // crash point: agent.retention.recorded
    const reason = await this.#removeFiles(allocId);
    // crash point: agent.retention.files-gone
    return reason === undefined
      ? { allocId, outcome: 'removed', reason: '' }
      : { allocId, outcome: 'stuck', reason };
  }

  async #compact(gone: readonly string[]): Promise<void> {
    const { agent, roster } = this.#doors;
    const streams = gone.flatMap((allocId) => [
      allocStream(allocId),
      ...roster.taskNamesOf(allocId).map((task) => taskStream(allocId, task)),
    ]);
    const allocs = gone.map((allocId) => {
      const { name = '', status = '', rule = '' } = roster.folded(allocId)?.state.context ?? {};
      return { allocId, alloc: name, status, rule };
    });
    await agent.log.compact(streams, agent.clock.now(), allocs);
    // crash point: agent.retention.compacted
    for (const allocId of gone) {
      roster.drop(allocId);
      agent.readers.giveBack(allocId);
    }
  }

  /** Why they are still there; undefined when they are gone. */
  async #removeFiles(allocId: string): Promise<string | undefined> {
    const { roster, removeFiles } = this.#doors;
    try {
      await removeFiles(allocId);
      this.#stuck.delete(allocId);
      return undefined;
    } catch (error) {
      const reason = shortened(messageOf(error));
      this.#tryLater(allocId, reason);
      if (roster.folded(allocId)?.state.context.removalFailure === undefined) {
        await this.#tell(allocId, { type: 'RemovalFailed', reason });
      }
      return reason;
    }
  }

  #tryLater(allocId: string, error: string): void {
    const { clock, logger } = this.#doors.agent;
    const before = this.#stuck.get(allocId);
    before?.cancel?.();
    const pauseMs = Math.min(2 * (before?.pauseMs ?? FIRST_PAUSE_MS / 2), LONGEST_PAUSE_MS);
    const wake = (): void => {
      this.#stuck.set(allocId, { pauseMs, cancel: undefined });
      this.#onPauseOver();
    };
    const cancel = this.#isEnded ? () => {} : clock.at(clock.steady() + pauseMs, wake);
    this.#stuck.set(allocId, { pauseMs, cancel });
    const facts = { allocId, pauseMs, error };
    logger.warn(facts, 'the files of a finished alloc could not be removed');
  }

  async #tell(allocId: string, message: AllocMessage): Promise<void> {
    const { roster, allocDoors } = this.#doors;
    const runner = new AllocRunner(allocId, roster.folded(allocId), allocDoors);
    runner.start();
    try {
      await runner.tell(message);
    } finally {
      runner.stop();
    }
  }
}

function shortened(text: string): string {
  const most = MOST_CHARACTERS_OF_ERROR;
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
