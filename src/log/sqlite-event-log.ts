/** The log in an SQLite file: write-ahead log, every commit synced, one writer. */
import type { EventLog } from './event-log.ts';
import { eventLogOn, type EventLogOptions } from './row-event-log.ts';
import { SqliteRows } from './sqlite-rows.ts';

export interface SqliteEventLogOptions extends EventLogOptions {
  /** The database file; made when there is none. */
  readonly path: string;
  /** How long an append waits, blocking this thread, for another process that holds the file. Default 5,000. */
  readonly busyTimeoutMs?: number;
}

/**
 * Opens or makes a log. A file that was cut off or half made by a kill is as usable as a new one.
 * Errors: STORE_TOO_NEW, STORE_CORRUPT (no database, or another program's), STORE_FAILED.
 */
export function openSqliteEventLog(options: SqliteEventLogOptions): EventLog {
  const { path, busyTimeoutMs, ...rest } = options;
  return eventLogOn(
    new SqliteRows(path, busyTimeoutMs === undefined ? {} : { busyTimeoutMs }),
    rest,
  );
}
