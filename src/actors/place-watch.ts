/**
 * Notices that the files under an agent were taken away or exchanged. SQLite goes on writing into a file that has no
 * name any more, and every event in it would be lost with the agent.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HoldfastError } from '../errors.ts';
import type { Layout } from '../layout.ts';
import type { EventLog } from '../log/event-log.ts';

export class PlaceWatch {
  readonly #stateDir: string;
  readonly #log: Pick<EventLog, 'fail'>;
  readonly #state: string;
  /** The files of the store that were there when the log was open, by path. */
  readonly #files: ReadonlyMap<string, string>;

  /** To be made when the log is open and was written to. */
  constructor(layout: Layout, log: Pick<EventLog, 'fail'>) {
    this.#stateDir = layout.stateDir;
    this.#log = log;
    this.#state = identityOf(layout.stateDir);
    const store = join(layout.storeDir, 'log.db');
    const files = [store, `${store}-wal`].map((path) => [path, identityOf(path)] as const);
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
      return this.#log.fail(new HoldfastError('STORE_FAILED', text));
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
