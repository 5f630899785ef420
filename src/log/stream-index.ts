/**
 * Where the events of each stream lie. Events of many streams come interleaved, and an index that is brought up to
 * date at every commit would write a page per stream for an event each: it halved the rate of durable appends. So the
 * newest entries are kept in memory and moved into the table by the thousand, in order; what a kill takes from memory
 * is read back from the events at the next opening. That a version exists once is assured by who appends (one writer,
 * positions without a repeat) and checked again here, by the table's key.
 */
import type { Connection, Prepared } from './sqlite.ts';

/** Entries in memory before they are moved: a few milliseconds of work. */
const MOST_PENDING = 4_096;
const SETTLED_KEY = 'indexedThrough';

export interface IndexEntry {
  /** Number of the stream. */
  readonly stream: number;
  readonly version: number;
  readonly position: number;
}

export class StreamIndex {
  readonly #connection: Connection;
  readonly #insert: Prepared;
  readonly #lastVersion: Prepared;
  readonly #positions: Prepared;
  readonly #positionsOfStreams: Prepared;
  /** What the table does not have yet, per stream and in order. */
  readonly #pending = new Map<number, IndexEntry[]>();
  #pendingCount = 0;
  #highest = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#insert = connection.prepare('INSERT INTO stream_events VALUES (?, ?, ?)');
    this.#lastVersion = connection
      .prepare('SELECT max(version) FROM stream_events WHERE stream = ?')
      .pluck();
    this.#positions = connection
      .prepare(
        'SELECT position FROM stream_events WHERE stream = ? AND version > ? ORDER BY version',
      )
      .pluck();
    this.#positionsOfStreams = connection
      .prepare(
        `SELECT position FROM stream_events
         WHERE stream IN (SELECT value FROM json_each(?)) AND position > ?
         ORDER BY position LIMIT ?`,
      )
      .pluck();
    const settled = connection.prepare('SELECT value FROM meta WHERE key = ?').pluck();
    const unsettled = connection.prepare(
      'SELECT stream, version, position FROM events WHERE position > ? ORDER BY position',
    );
    this.add(unsettled.all(Number(settled.get(SETTLED_KEY) ?? 0)) as IndexEntry[]);
  }

  /** Takes note of events that are committed. */
  add(entries: readonly IndexEntry[]): void {
    for (const entry of entries) {
      const ofStream = this.#pending.get(entry.stream);
      if (ofStream === undefined) this.#pending.set(entry.stream, [entry]);
      else ofStream.push(entry);
    }
    this.#pendingCount += entries.length;
    this.#highest = entries.at(-1)?.position ?? this.#highest;
  }

  get isFull(): boolean {
    return this.#pendingCount >= MOST_PENDING;
  }

  /** Writes what is pending into the table, inside the caller's transaction; `forget` follows its commit. */
  settle(): void {
    const streams = [...this.#pending.keys()].sort((a, b) => a - b);
    for (const stream of streams) {
      for (const entry of this.#pending.get(stream) ?? []) {
        this.#insert.run(entry.stream, entry.version, entry.position);
      }
    }
    this.#connection
      .prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
      .run(SETTLED_KEY, String(this.#highest));
  }

  forget(): void {
    this.#pending.clear();
    this.#pendingCount = 0;
  }

  /** Version of the stream's last event, undefined when it has none. */
  versionOf(stream: number): number | undefined {
    const newest = this.#pending.get(stream)?.at(-1)?.version;
    return newest ?? (this.#lastVersion.get(stream) as number | null) ?? undefined;
  }

  /** Positions of a stream's events after a version, in order. */
  positions(stream: number, afterVersion: number): readonly number[] {
    const settled = this.#positions.all(stream, afterVersion) as number[];
    const pending = this.#pending.get(stream) ?? [];
    return [...settled, ...pending.filter((e) => e.version > afterVersion).map(positionOf)];
  }

  /** The first `limit` positions after a position in these streams, in order. */
  positionsOfStreams(streams: readonly number[], after: number, limit: number): readonly number[] {
    const ids = JSON.stringify(streams);
    const settled = this.#positionsOfStreams.all(ids, after, limit) as number[];
    if (settled.length === limit) return settled;
    const pending = streams
      .flatMap((stream) => this.#pending.get(stream) ?? [])
      .map(positionOf)
      .filter((position) => position > after);
    pending.sort((a, b) => a - b);
    return [...settled, ...pending].slice(0, limit);
  }

  /** Forgets a stream inside the caller's transaction; what is pending was settled before. */
  remove(stream: number): void {
    this.#connection.prepare('DELETE FROM stream_events WHERE stream = ?').run(stream);
  }
}

function positionOf(entry: IndexEntry): number {
  return entry.position;
}
