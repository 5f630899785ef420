/**
 * The log over any store of rows: versions, group commit, fail-stop, reading and the bell. One object owns the store;
 * everything it does to it happens in one turn of the event loop.
 */
import { HoldfastError } from '../errors.ts';
import { decode, encode, type Codec } from '../events/codec.ts';
import { NODE_STREAM, type AnyEvent, type Recorded, type StreamName } from '../events/envelope.ts';
import { silentLogger, type Logger } from '../ports.ts';
import { Bell } from './bell.ts';
import type { EventLog, EventPage, ReadOptions, RemovedAlloc, StoredRow } from './event-log.ts';
import { FailStop } from './fail-stop.ts';
import { guardedSnapshots } from './guarded-snapshots.ts';
import { fitsOptions, readAllPages } from './reading.ts';
import { RecentEvents } from './recent-events.ts';
import { refuseNodeStream, refusePosition, versionConflict } from './refusals.ts';
import type { RowStore } from './row-store.ts';
import { NO_SNAPSHOTS, type SnapshotCache } from './snapshot-cache.ts';
import { readable, recorded } from './stored-event.ts';

export interface EventLogOptions {
  /** The vocabulary; the real one unless a test brings its own. */
  readonly codec?: Codec;
  readonly logger?: Logger;
}

const PAGE_EVENTS = 1_000;

/** Appends that wait for the commit of this turn. */
interface Waiting {
  readonly rows: readonly StoredRow[];
  readonly resolve: () => void;
  readonly reject: (error: HoldfastError) => void;
}

export function eventLogOn(store: RowStore, options: EventLogOptions = {}): EventLog {
  return new RowEventLog(store, options);
}

class RowEventLog implements EventLog {
  readonly storeId: string;
  readonly snapshots: SnapshotCache;
  readonly #store: RowStore;
  readonly #codec: Codec;
  readonly #recent: RecentEvents;
  readonly #bell: Bell;
  /** Newest version of each stream that was asked for, counting what waits. */
  readonly #versions = new Map<StreamName, number>();
  #head: number;
  #compactedThrough: number;
  /** The last position given out, counting what waits. */
  #last: number;
  #waiting: Waiting[] = [];
  readonly #failStop = new FailStop(() => {
    this.#versions.clear();
    this.#bell.ring(this.#head);
  });
  #isClosed = false;

  constructor(store: RowStore, options: EventLogOptions) {
    this.#store = store;
    this.#codec = options.codec ?? { encode, decode };
    const { logger = silentLogger } = options;
    this.#bell = new Bell(logger);
    this.snapshots = guardedSnapshots(store.snapshots ?? NO_SNAPSHOTS, {
      failStop: this.#failStop,
      refuseIfClosed: () => this.#refuseIfClosed(),
      logger,
    });
    this.#recent = new RecentEvents((row) => readable(row, this.storeId, this.#codec));
    this.storeId = store.storeId;
    this.#head = store.head;
    this.#last = store.head;
    this.#compactedThrough = store.compactedThrough;
  }

  get head(): number {
    return this.#head;
  }

  get oldest(): number {
    return this.#compactedThrough + 1;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get failed(): Promise<HoldfastError> {
    return this.#failStop.failed;
  }

  get failure(): HoldfastError | undefined {
    return this.#failStop.failure;
  }

  async append<E extends AnyEvent>(
    stream: StreamName,
    expectedVersion: number,
    events: readonly E[],
  ): Promise<readonly Recorded<E>[]> {
    this.#refuseUnlessWritable();
    const encoded = events.map((event) => this.#codec.encode(stream, event));
    const version = this.versionOf(stream);
    if (version !== expectedVersion) throw versionConflict(stream, expectedVersion, version);
    if (events.length === 0) return [];
    const rows = encoded.map((each, index) => {
      const { run, at } = events[index] as E;
      const place = { position: this.#last + index + 1, stream, version: version + index + 1 };
      return { ...place, ...each, run, at };
    });
    this.#last += rows.length;
    this.#versions.set(stream, version + rows.length);
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ rows, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#commitWaiting());
    });
    return rows.map((row, index) => recorded(row, events[index] as E, this.storeId));
  }

  readStream(stream: StreamName, afterVersion = 0): readonly Recorded[] {
    this.#refuseIfClosed();
    const rows = this.#store.streamRows(stream, afterVersion);
    return rows.map((row) => recorded(row, this.#codec.decode(row), this.storeId));
  }

  readAll(after: number, options: ReadOptions = {}): readonly Recorded[] {
    return readAllPages(this, after, { ...options, limit: options.limit ?? PAGE_EVENTS });
  }

  readPage(after: number, options: ReadOptions = {}): EventPage {
    refusePosition(this, after, options.keptBelow);
    const limit = options.limit ?? PAGE_EVENTS;
    const fits = fitsOptions(options);
    const recent = this.#recent.read(after, limit, fits);
    if (recent !== undefined) return recent;
    if (after >= this.#head) return { events: [], next: after };
    this.#refuseIfClosed();
    const page = this.#store.page(after, limit, options.streamPrefixes ?? []);
    const rows = page.rows.filter(fits);
    return {
      events: rows.map((row) => readable(row, this.storeId, this.#codec)),
      next: page.next ?? this.#head,
    };
  }

  rows(after = 0): Iterable<StoredRow> {
    this.#refuseIfClosed();
    return this.#store.rows(after);
  }

  versionOf(stream: StreamName): number {
    const known = this.#versions.get(stream);
    if (known !== undefined) return known;
    this.#refuseIfClosed();
    const version = this.#store.versionOf(stream);
    this.#versions.set(stream, version);
    return version;
  }

  onAppended(listener: (head: number) => void): () => void {
    return this.#bell.add(listener);
  }

  async compact(
    streams: readonly StreamName[],
    at: number,
    allocs: readonly RemovedAlloc[] = [],
  ): Promise<Recorded> {
    this.#commitWaiting();
    this.#refuseUnlessWritable();
    refuseNodeStream(streams);
    const [position, version] = [this.#last + 1, this.versionOf(NODE_STREAM) + 1];
    const summary = (events: number, oldest: number): StoredRow => {
      const data = { streams, events, oldest, ...(allocs.length > 0 && { allocs }) };
      const event = { type: 'StoreCompacted', run: 0, at, data };
      const encoded = this.#codec.encode(NODE_STREAM, event);
      return { position, stream: NODE_STREAM, version, ...encoded, run: 0, at };
    };
    // A summary that is too long is the caller's fault, found before anything is removed.
    let row = summary(Number.MAX_SAFE_INTEGER, position);
    this.#failStop.write(() =>
      this.#store.remove(streams, ({ events, through }) => {
        row = summary(events, through + 1);
        this.#compactedThrough = through;
        return [row];
      }),
    );
    this.#last = position;
    this.#versions.set(NODE_STREAM, version);
    this.#recent.clear();
    this.#publish([row]);
    return readable(row, this.storeId, this.#codec);
  }

  getMeta(key: string): string | undefined {
    this.#refuseIfClosed();
    return this.#store.getMeta(key);
  }

  setMeta(key: string, value: string): void {
    this.#refuseUnlessWritable();
    this.#failStop.write(() => this.#store.setMeta(key, value));
  }

  fail(error: HoldfastError): void {
    if (!this.#isClosed && this.failure === undefined) this.#failStop.fail(error);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#commitWaiting();
    this.#isClosed = true;
    this.#store.close();
    this.#bell.ring(this.#head);
  }

  #commitWaiting(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    const rows = group.flatMap((each) => each.rows);
    try {
      this.#failStop.write(() => {
        // crash point: agent.append.before
        this.#store.write(rows);
      });
    } catch (error) {
      for (const each of group) each.reject(HoldfastError.from(error));
      return;
    }
    // crash point: agent.append.durable
    for (const each of group) each.resolve();
    this.#publish(rows);
  }

  #publish(rows: readonly StoredRow[]): void {
    this.#head = rows.at(-1)?.position ?? this.#head;
    this.#recent.add(rows);
    this.#bell.ring(this.#head);
  }

  #refuseUnlessWritable(): void {
    this.#refuseIfClosed();
    this.#failStop.assertSound();
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new HoldfastError('CLOSED', 'the log is closed');
  }
}
