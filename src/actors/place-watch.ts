/**
 * Notices that the files under an agent were taken away or exchanged. SQLite goes on writing into a file that has no
 * name any more, and every event in it would be lost with the agent; a lock without a name keeps nobody out. Whoever
 * opens again takes the lock anew, or hears who has it by now.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HoldfastError } from '../errors.ts';
import type { Layout } from '../layout.ts';
import type { EventLog } from '../log/event-log.ts';
import { takenOver } from '../log/refusals.ts';

export class PlaceWatch {
  readonly #stateDir: string;
  readonly #log: Pick<EventLog, 'fail' | 'getMeta'>;
  readonly #agentEpoch: number;
  readonly #state: string;
  /** The lock and the files of the store that were there when the log was open, by path. */
  readonly #files: ReadonlyMap<string, string>;

  /** To be made when the log is open and was written to. */
  constructor(layout: Layout, log: Pick<EventLog, 'fail' | 'getMeta'>, agentEpoch: number) {
    this.#stateDir = layout.stateDir;
    this.#log = log;
    this.#agentEpoch = agentEpoch;
    this.#state = identityOf(layout.stateDir);
    const store = join(layout.storeDir, 'log.db');
    const lock = join(layout.stateDir, 'lock');
    const files = [lock, store, `${store}-wal`].map((path) => [path, identityOf(path)] as const);
    this.#files = new Map(files.filter(([, identity]) => isSure(identity)));
  }

  /**
   * Fail-stops the log when something is not there any more. Without the whole directory opening again would begin from
   * nothing beside tasks that run: an operator has to look, so the error is not retryable then.
   */
  look(): void {
    const stateDir = this.#stateDir;
    if (hasChanged(stateDir, this.#state)) {
      const text = `${stateDir} was removed, moved or exchanged while an agent used it. The tasks go on: put it back, then start an agent`;
      this.#log.fail(new HoldfastError('STORE_FAILED', text, { retryable: false }));
      return;
    }
    for (const [path, identity] of this.#files) {
      if (!hasChanged(path, identity)) continue;
      const text = `${path} was removed or exchanged while an agent used it`;
      return this.#log.fail(this.#overtaken() ?? new HoldfastError('STORE_FAILED', text));
    }
  }

  /** Whoever took the lock meanwhile counts as the owner, also when it has ended since. */
  #overtaken(): HoldfastError | undefined {
    const newest = this.#newestEpoch();
    if (newest <= this.#agentEpoch) return undefined;
    return takenOver(newest, this.#agentEpoch);
  }

  #newestEpoch(): number {
    try {
      return Number(this.#log.getMeta('agentEpoch'));
    } catch {
      // What is the matter with the store is said by its file.
      return 0;
    }
  }
}

function isSure(identity: string): boolean {
  return identity !== 'absent' && identity !== 'unknown';
}

function hasChanged(path: string, before: string): boolean {
  const now = identityOf(path);
  return isSure(before) && now !== 'unknown' && now !== before;
}

/** Of a disk that does not answer nothing is concluded: its writes tell. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = lstatSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    const errno = errnoOf(error);
    return errno === 'ENOENT' || errno === 'ENOTDIR' ? 'absent' : 'unknown';
  }
}
