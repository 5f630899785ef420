/**
 * Moves the write-ahead log into the store when nothing was written for a while, and cuts it off: what an agent that
 * has nothing to do leaves behind is one file, and the next opening has nothing to play.
 */
import type { Logger } from '../ports.ts';
import type { EventLog } from './event-log.ts';

export interface QuietWalOptions {
  /** Moves and cuts off what it can. Throws when the disk does not let it. */
  readonly truncate: () => void;
  readonly logger: Logger;
  /** Without a commit. */
  readonly quietMs: number;
}

/** Until the log is closed or has failed. Keeps no process alive. */
export function truncateWhenQuiet(log: EventLog, options: QuietWalOptions): void {
  const { truncate, logger, quietMs } = options;
  const timer = setTimeout(() => {
    if (log.failure !== undefined) return;
    try {
      truncate();
    } catch (error) {
      // Every commit is in the write-ahead log, and stays there until this succeeds.
      logger.warn({ error }, 'the write-ahead log was not cut off');
    }
  }, quietMs);
  timer.unref();
  log.onAppended(() => {
    if (log.isClosed || log.failure !== undefined) clearTimeout(timer);
    else timer.refresh();
  });
}
