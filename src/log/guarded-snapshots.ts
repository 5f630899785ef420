import type { Logger } from '../ports.ts';
import type { FailStop } from './fail-stop.ts';
import type { SnapshotCache } from './snapshot-cache.ts';

export interface SnapshotGuards {
  readonly failStop: FailStop;
  /** Throws CLOSED. */
  readonly refuseIfClosed: () => void;
  readonly logger: Logger;
}

/** The snapshots of a log that may be closed, and that may have failed. */
export function guardedSnapshots(cache: SnapshotCache, guards: SnapshotGuards): SnapshotCache {
  const { failStop, refuseIfClosed, logger } = guards;
  const change = (work: () => void): void => {
    refuseIfClosed();
    failStop.write(work);
  };
  return {
    read(chart) {
      refuseIfClosed();
      return cache.read(chart);
    },
    find(chart, stream) {
      refuseIfClosed();
      return cache.find(chart, stream);
    },
    save: (...saved) => change(() => cache.save(...saved)),
    drop(reason) {
      change(() => cache.drop(reason));
      logger.warn({ reason }, 'all snapshots are dropped: the next opening folds the whole log');
    },
  };
}
