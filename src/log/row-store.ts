/**
 * What a log needs from the place where its rows are kept. `row-event-log.ts` makes an `EventLog` of any of these, so
 * versions, group commit, fail-stop and reading are written once. All calls are synchronous; none is made after
 * `close`, and no write is made after one that threw.
 */
import type { StreamName } from '../events/envelope.ts';
import type { StoredRow } from './event-log.ts';
import type { SnapshotCache } from './snapshot-cache.ts';

/** Some rows, and the position to go on from; undefined when everything up to the head was looked at. */
export interface RowPage {
  readonly rows: readonly StoredRow[];
  readonly next: number | undefined;
}

/** What a compaction took away: `through` is the highest position that is gone. */
export interface Removed {
  readonly events: number;
  readonly through: number;
}

export interface RowStore {
  readonly storeId: string;
  /** The highest position ever given; read once, when the log is opened. */
  readonly head: number;
  /** The highest position that was compacted away, 0 when none was; read once, when the log is opened. */
  readonly compactedThrough: number;
  /** Undefined for a place that is gone with the process. */
  readonly snapshots?: SnapshotCache;

  /** Writes rows with their positions and versions as they are, all or none; durable when it returns. */
  write(rows: readonly StoredRow[]): void;
  /** Removes whole streams and writes the rows of `summary`, in one transaction. A stream keeps its version. */
  remove(streams: readonly StreamName[], summary: (removed: Removed) => readonly StoredRow[]): void;
  /** Version of the stream's last row, or the one it was removed at; 0 when it never had any. */
  versionOf(stream: StreamName): number;
  /** Rows of one stream after a version, in order. */
  streamRows(stream: StreamName, afterVersion: number): readonly StoredRow[];
  /**
   * Looks at no more than `limit` rows after a position. `prefixes`, when there are any, allow it to leave out streams
   * that begin with none of them; it need not.
   */
  page(after: number, limit: number, prefixes: readonly string[]): RowPage;
  /** Every row after a position, in order; holds no cursor between two rows. */
  rows(after: number): Iterable<StoredRow>;
  getMeta(key: string): string | undefined;
  setMeta(key: string, value: string): void;
  /** May be called again. */
  close(): void;
}
