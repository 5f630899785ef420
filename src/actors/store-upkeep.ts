/** What is done for the store while the agent is ready, behind everything else. */
import type { EventLog } from '../log/event-log.ts';
import { scrub } from '../log/scrub.ts';
import type { Logger } from '../ports.ts';
import type { RecordNode } from './agent-doors.ts';
import type { SnapshotKeeper } from './snapshot-keeper.ts';

export interface StoreUpkeepDoors {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly record: RecordNode;
  readonly snapshots: SnapshotKeeper;
  /** Aborts when the agent closes. */
  readonly signal: AbortSignal;
  /** After an opening that began with snapshots. */
  readonly firstScrubMs?: number;
}

/** Not while the agent is still finding its tasks again. */
const FIRST_SCRUB_MS = 60_000;

/** Snapshots follow the log, and old rows are read again now and then, to find what has rotted on the disk. */
export function keepStore({
  log,
  logger,
  record,
  snapshots,
  signal,
  firstScrubMs,
}: StoreUpkeepDoors): void {
  snapshots.watch();
  void scrub(log, {
    signal,
    ...(snapshots.wereUsed ? { firstMs: firstScrubMs ?? FIRST_SCRUB_MS } : {}),
    onDamage: ({ code, message }) => {
      record('StoreFaultFound', { code, message });
      logger.error(
        { code, error: message },
        'the store is damaged: what can be read is recovered when the agent is started again',
      );
    },
  });
}
