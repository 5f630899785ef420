/**
 * The log: the one truth. Appends are durable when they resolve; reads give events in position order. The log stores
 * events and never interprets them beyond their shape.
 */
import type { HoldfastError } from '../errors.ts';
import type { AnyEvent, Recorded, StreamName } from '../events/envelope.ts';
import type { SnapshotCache } from './snapshot-cache.ts';

/** One stored row with its data still as text: what a bulk replay folds without paying for parsing it does not need. */
export interface StoredRow {
  readonly position: number;
  readonly stream: StreamName;
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly run: number;
  readonly at: number;
  /** JSON. */
  readonly data: string;
}

/** One of those whose streams were removed, and what took it. */
export interface RemovedAlloc {
  readonly allocId: string;
  readonly alloc: string;
  readonly status: string;
  readonly rule: string;
}

export interface EventLog {
  /** Identity of this log; a new one for a store that was made anew. */
  readonly storeId: string;
  /** Position of the newest durable event, 0 when empty. */
  readonly head: number;
  /**
   * The first position from which nothing is missing: 1 until something was compacted away, then the one after the
   * newest event that is gone. Older events of the streams that are kept are still in `rows()` and `readStream`.
   */
  readonly oldest: number;
  /** True once `close` was called; listeners are called once more then. */
  readonly isClosed: boolean;
  /**
   * Resolves at the first write that failed, with STORE_FAILED or EPOCH_STALE: nothing is written after it. Never
   * rejects, and stays open for ever while all is well.
   */
  readonly failed: Promise<HoldfastError>;
  /** The same, for who only looks. */
  readonly failure: HoldfastError | undefined;

  /**
   * Appends events to one stream, all or none. Resolves when they are durable; appends of one turn of the event loop
   * share a transaction. Every event is checked against its shape first.
   * Events of two appends to one stream in one turn follow each other: the second expects the version that the first
   * leads to. No events at all only check the version.
   * Errors: VERSION_CONFLICT (the stream is not at `expectedVersion`; nothing was written), EVENT_MALFORMED and
   * EVENT_UNKNOWN (see `Codec.encode`; nothing was written), STORE_FAILED (it is unknown whether the events are stored:
   * the log takes no further append until it is reopened), EPOCH_STALE (a newer agent writes here; the same holds),
   * CLOSED. Never to be repeated in place.
   */
  append<E extends AnyEvent>(
    stream: StreamName,
    expectedVersion: number,
    events: readonly E[],
  ): Promise<readonly Recorded<E>[]>;

  /**
   * The events of one stream after `afterVersion` (default 0), upcast. May be called at any time.
   * Errors: EVENT_UNKNOWN, EVENT_MALFORMED (the stream cannot be folded), STORE_CORRUPT, STORE_FAILED, CLOSED.
   */
  readStream(stream: StreamName, afterVersion?: number): readonly Recorded[];

  /**
   * At most `limit` (default 1,000) events after `after`, upcast, in position order; an empty list when there are no
   * more up to the head. An event that cannot be read is given as type `Unreadable` with
   * `data: { type, schema, code, message }`, so EVENT_UNKNOWN is never thrown here. Events may be shared between
   * readers and are frozen then. Errors: POSITION_COMPACTED{oldest}, POSITION_AHEAD{storeId, head},
   * EVENT_MALFORMED (a checksum is wrong), STORE_CORRUPT, STORE_FAILED, CLOSED.
   */
  readAll(after: number, options?: ReadOptions): readonly Recorded[];

  /**
   * One step of such a reading, bounded in time: looks at no more than about `limit` stored events, so it may give
   * none although more follow; go on from `next` until it is the head. Errors as `readAll`; what was appended last can
   * still be read after `close`.
   */
  readPage(after: number, options?: ReadOptions): EventPage;

  /**
   * Every row in position order, its data unparsed, for a replay. Throws EVENT_MALFORMED, with the position and
   * `isDamage: true` in the details, on a wrong checksum or a version that does not follow its predecessor.
   */
  rows(after?: number): Iterable<StoredRow>;

  /** Folded states to begin a replay with, so that only newer rows are folded. */
  readonly snapshots: SnapshotCache;

  /**
   * Version of the stream, 0 when it never had an event: the `expectedVersion` of the next append, so it counts the
   * appends of this turn that are not yet durable.
   */
  versionOf(stream: StreamName): number;

  /**
   * Calls back after each commit, with the new head, and once more when a write has failed and when the log is closed.
   * A listener that throws is dropped from that call only.
   */
  onAppended(listener: (head: number) => void): () => void;

  /**
   * Removes whole streams (finished ones: the caller knows which) and appends `StoreCompacted` to the node stream, in
   * one transaction that is durable when it resolves. A removed stream keeps its version, so its name is never used
   * again. Readers that are not past the removed events get POSITION_COMPACTED. `allocs` is what the summary says of
   * them. Errors as `append`.
   */
  compact(
    streams: readonly StreamName[],
    at: number,
    allocs?: readonly RemovedAlloc[],
  ): Promise<Recorded>;

  /**
   * A small durable fact about the store itself (`instanceId`, …). `agentEpoch`, a whole number, is the log's own too:
   * the log that sets it writes under that epoch, and one that was opened earlier under a smaller epoch is refused at
   * its next append with EPOCH_STALE. `setMeta` fails and fail-stops as `append` does.
   */
  getMeta(key: string): string | undefined;
  setMeta(key: string, value: string): void;

  /**
   * Fail-stops as a failed write does, for somebody who knows that writing is in vain: what waits is rejected with
   * `error`. Does nothing to a log that has failed or is closed.
   */
  fail(error: HoldfastError): void;

  /** Refuses further appends, writes what waits, closes the file. May be repeated. */
  close(): Promise<void>;
}

/** Some events, and the position to go on from. */
export interface EventPage {
  readonly events: readonly Recorded[];
  readonly next: number;
}

export interface ReadOptions {
  readonly limit?: number;
  /** Only streams whose names begin with one of these: end a name with `/` to leave out its longer neighbours. */
  readonly streamPrefixes?: readonly string[];
  /** Only events of these types. */
  readonly types?: readonly string[];
  /**
   * Before this position the reader wants what is kept and not every event: a hole that a compaction left there is no
   * POSITION_COMPACTED. Default 0; `oldest` for somebody who reads from the beginning.
   */
  readonly keptBelow?: number;
}
