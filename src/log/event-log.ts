/**
 * The log: the one truth. Appends are durable when they resolve; reads give events in position order. The log stores
 * events and never interprets them beyond their shape.
 */
import type { AnyEvent, Recorded, StreamName } from '../events/envelope.ts';

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

export interface EventLog {
  /** Identity of this log; a new one for a store that was made anew. */
  readonly storeId: string;
  /** Position of the newest durable event, 0 when empty. */
  readonly head: number;
  /** Position of the oldest event that is still kept, head + 1 when none is. */
  readonly oldest: number;

  /**
   * Appends events to one stream, all or none. Resolves when they are durable; appends of one turn of the event loop
   * share a transaction. Every event is checked against its shape first.
   * Errors: VERSION_CONFLICT (the stream is not at `expectedVersion`; nothing was written), EVENT_MALFORMED,
   * STORE_FAILED (it is unknown whether the events are stored: the log takes no further append until it is reopened),
   * CLOSED. Never to be repeated in place.
   */
  append<E extends AnyEvent>(
    stream: StreamName,
    expectedVersion: number,
    events: readonly E[],
  ): Promise<readonly Recorded<E>[]>;

  /** The events of one stream after `afterVersion` (default 0), upcast. May be called at any time. */
  readStream(stream: StreamName, afterVersion?: number): readonly Recorded[];

  /**
   * At most `limit` (default 1,000) events after `after`, upcast, in position order; an empty list at the head.
   * `streamPrefix` keeps only streams that begin with one of these names. Errors: POSITION_COMPACTED,
   * POSITION_AHEAD, EVENT_UNKNOWN is never thrown here: an event that cannot be read is given as type `Unreadable`.
   */
  readAll(after: number, options?: ReadOptions): readonly Recorded[];

  /** Every row in position order, its data unparsed, for a replay. Throws EVENT_MALFORMED on a checksum mismatch. */
  rows(after?: number): Iterable<StoredRow>;

  /** Version of the stream, 0 when it has no event. */
  versionOf(stream: StreamName): number;

  /** Calls back after each commit, with the new head. A listener that throws is dropped from that call only. */
  onAppended(listener: (head: number) => void): () => void;

  /** A small durable fact about the store itself (`agentEpoch`, `instanceId`, …). */
  getMeta(key: string): string | undefined;
  setMeta(key: string, value: string): void;

  /** Refuses further appends, writes what waits, closes the file. May be repeated. */
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly limit?: number;
  readonly streamPrefixes?: readonly string[];
  /** Only events of these types. */
  readonly types?: readonly string[];
}
