import type { AuditTrail } from './audit-trail.ts';
import type { EventLog } from '../log/event-log.ts';
import type { DriverWatch } from './driver-watch.ts';
import type { HostPool } from './host-pool.ts';
import type { NodeJournal } from './node-journal.ts';
import type { Roster } from './roster.ts';
import type { SnapshotKeeper } from './snapshot-keeper.ts';

/** Ends the actors, lets go of the hosts, closes the log and frees the lock. What the tasks run is not touched. */
export function shutDownOf(parts: {
  readonly roster: Roster;
  readonly journal: NodeJournal;
  readonly trail: Pick<AuditTrail, 'end'>;
  readonly pools: readonly HostPool[];
  readonly closing: AbortController;
  readonly snapshots: SnapshotKeeper;
  readonly log: EventLog;
  readonly unlock: () => void;
  readonly driverWatch: Pick<DriverWatch, 'close'>;
}): () => Promise<void> {
  const { roster, journal, trail, pools, closing, snapshots, log, unlock, driverWatch } = parts;
  return async () => {
    // crash point: agent.close.begun
    for (const runner of roster.runners) runner.stop();
    roster.close(log.failure);
    await driverWatch.close();
    trail.end();
    await journal.settled();
    await Promise.all(pools.map((pool) => pool.dismissIdle()));
    closing.abort();
    for (const pool of pools) pool.close();
    // crash point: agent.close.hosts-left
    await snapshots.finish();
    await log.close();
    unlock();
  };
}
