/**
 * Where the events of each stream lie. Events of many streams come interleaved, and an index that is brought up to
 * date at every commit would write a page per stream for an event each: it halved the rate of durable appends. So the
 * newest entries are kept in memory and moved into the table by the thousand, one row for all entries of a stream
 * (`positions`, a JSON list; `last`, the version of the last; `through`, the position up to which everything has been
 * moved with it). What a kill takes from memory is read back from the events at the next opening. That a version
 * exists once is assured by who appends (one writer, positions without a repeat) and checked by who reads.
 */
import type { Connection, Prepared } from './sqlite.ts';

/** Entries in memory before they are moved: a few milliseconds of work. */
const MOST_PENDING = 4_096;
/** Where `meta` says up to which position everything is in the table. */
export const SETTLED_KEY = 'indexedThrough';

export interface IndexEntry {
  /** Number of the stream. */
  readonly stream: number;
  readonly version: number;
  readonly position: number;
}

interface SettledRow {
  readonly stream: number;
  readonly through: number;
  readonly last: number;
  readonly positions: string;
}

export class StreamIndex {
  readonly #connection: Connection;
  readonly #insert: Prepared;
  readonly #lastVersion: Prepared;
  readonly #lastVersions: Prepared;
  readonly #ofStream: Prepared;
  readonly #ofStreams: Prepared;
  /** What the table does not have yet, per stream and in order. */
  readonly #pending = new Map<number, IndexEntry[]>();
  #pendingCount = 0;
  #highest = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#insert = connection.prepare('INSERT INTO stream_events VALUES (?, ?, ?, ?)');
    this.#lastVersion = connection
      .prepare('SELECT last FROM stream_events WHERE stream = ? ORDER BY through DESC LIMIT 1')
      .pluck();
    // A look for each stream: the table may have a row for nearly every event.
    this.#lastVersions = connection
      .prepare(
        `SELECT id, (SELECT last FROM stream_events WHERE stream = id ORDER BY through DESC LIMIT 1)
         FROM streams`,
      )
      .raw();
    this.#ofStream = connection.prepare(
      'SELECT * FROM stream_events WHERE stream = ? AND last > ? ORDER BY through',
    );
    this.#ofStreams = connection.prepare(
      `SELECT * FROM stream_events
       WHERE stream IN (SELECT value FROM json_each(?)) AND through > ? ORDER BY through`,
    );
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
    const streams = [...this.#pending].sort(([a], [b]) => a - b);
    for (const [stream, entries] of streams) {
      const positions = JSON.stringify(entries.map(positionOf));
      this.#insert.run(stream, this.#highest, entries.at(-1)?.version, positions);
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
    return newest ?? (this.#lastVersion.get(stream) as number | undefined);
  }

  /** The same of every stream, by its number; null for one that has none. */
  lastVersions(): ReadonlyMap<number, number | null> {
    const versions = new Map(this.#lastVersions.all() as [stream: number, last: number | null][]);
    for (const stream of this.#pending.keys()) {
      versions.set(stream, this.versionOf(stream) ?? null);
    }
    return versions;
  }

  /** Positions of a stream's events after a version, in order. */
  positions(stream: number, afterVersion: number): readonly number[] {
    const settled = (this.#ofStream.all(stream, afterVersion) as SettledRow[]).flatMap((row) => {
      const positions = positionsIn(row);
      const first = row.last - positions.length + 1;
      return positions.slice(Math.max(0, afterVersion + 1 - first));
    });
    const pending = this.#pending.get(stream) ?? [];
    return [...settled, ...pending.filter((e) => e.version > afterVersion).map(positionOf)];
  }

  /** The first `limit` positions after a position in these streams, in order. */
  positionsOfStreams(streams: readonly number[], after: number, limit: number): readonly number[] {
    const found: number[] = [];
    let through = 0;
    // Rows that were settled together lie between the same two positions: enough of them is enough.
    for (const row of this.#ofStreams.iterate(JSON.stringify(streams), after)) {
      const settled = row as SettledRow;
      if (found.length >= limit && settled.through > through) break;
      through = settled.through;
      found.push(...positionsIn(settled).filter((position) => position > after));
    }
    const pending = streams
      .flatMap((stream) => this.#pending.get(stream) ?? [])
      .map(positionOf)
      .filter((position) => position > after);
    return [...found, ...pending].sort((a, b) => a - b).slice(0, limit);
  }

  /** Forgets a stream inside the caller's transaction; what is pending was settled before. */
  remove(stream: number): void {
    this.#connection.prepare('DELETE FROM stream_events WHERE stream = ?').run(stream);
  }
}

function positionOf(entry: IndexEntry): number {
  return entry.position;
}

function positionsIn(row: SettledRow): readonly number[] {
  return JSON.parse(row.positions) as readonly number[];
}
