/** The rows of a log in an SQLite file. */
import { HoldfastError } from '../errors.ts';
import type { StreamName } from '../events/envelope.ts';
import { checksumOf, seedOf } from './checksum.ts';
import type { StoredRow } from './event-log.ts';
import type { Removed, RowPage, RowStore } from './row-store.ts';
import { overtaken, takenOver } from './refusals.ts';
import { SqliteReader } from './sqlite-reader.ts';
import { SqliteSnapshots } from './sqlite-snapshots.ts';
import {
  inTransaction,
  storeError,
  truncateWal,
  type Connection,
  type ConnectOptions,
  type Prepared,
} from './sqlite.ts';
import { META, openStoreConnection } from './store-connection.ts';
import { readNumbers } from './store-numbers.ts';
import { StreamIds } from './stream-ids.ts';
import { StreamIndex, type IndexEntry } from './stream-index.ts';

export class SqliteRows implements RowStore {
  readonly storeId: string;
  readonly head: number;
  readonly snapshots: SqliteSnapshots;
  readonly #connection: Connection;
  readonly #streams: StreamIds;
  readonly #index: StreamIndex;
  readonly #reader: SqliteReader;
  readonly #insert: Prepared;
  readonly #getMeta: Prepared;
  readonly #setMeta: Prepared;
  readonly #newest: Prepared;
  #epoch: number;
  /** The highest position that was read or written here. */
  #last: number;
  #compactedThrough: number;

  /** Errors: STORE_TOO_NEW, STORE_CORRUPT, STORE_FAILED; the file is unchanged then. */
  constructor(path: string, options: ConnectOptions = {}) {
    const connection = openStoreConnection(path, options);
    try {
      this.#connection = connection;
      const { head, compactedThrough, epoch } = readNumbers(connection);
      this.#streams = new StreamIds(connection);
      this.#index = new StreamIndex(connection);
      this.#reader = new SqliteReader(connection, this.#streams, this.#index);
      this.#insert = connection.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
      this.#getMeta = connection.prepare('SELECT value FROM meta WHERE key = ?').pluck();
      this.#setMeta = connection.prepare(
        'INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      );
      this.storeId = storeIdOf(this.getMeta(META.storeId));
      this.head = head;
      this.#last = head;
      this.#newest = connection.prepare('SELECT max(position) FROM events').pluck();
      this.#compactedThrough = compactedThrough;
      this.#epoch = epoch;
      const refuseStaleEpoch = (): void => this.#refuseStaleEpoch();
      const doors = { connection, streams: this.#streams, refuseStaleEpoch };
      this.snapshots = new SqliteSnapshots(doors);
    } catch (error) {
      connection.close();
      throw storeError(error, `open ${path}`);
    }
  }

  get compactedThrough(): number {
    return this.#compactedThrough;
  }

  write(rows: readonly StoredRow[]): void {
    this.#guard('append', () => {
      this.#insertDurably(() => {
        this.#refuseStaleEpoch();
        return this.#insertAll(rows, this.#epoch);
      });
    });
  }

  /** Rows rescued from another store, with the epoch of the agent that wrote them. */
  writeRescued(rows: readonly StoredRow[], epoch: number): void {
    this.#guard('rescue', () => this.#insertDurably(() => this.#insertAll(rows, epoch)));
  }

  remove(
    streams: readonly StreamName[],
    summary: (removed: Removed) => readonly StoredRow[],
  ): void {
    let through = this.#compactedThrough;
    this.#guard('compact', () => {
      this.#insertDurably(() => {
        this.#refuseStaleEpoch();
        const removed = streams.map((stream) => this.#removeStream(stream));
        const events = removed.reduce((sum, each) => sum + each.events, 0);
        through = Math.max(through, ...removed.map((each) => each.through));
        const eventsEver = this.#metaNumber(META.compactedEvents) + events;
        this.#setMeta.run(META.compactedEvents, String(eventsEver));
        this.#setMeta.run(META.compactedThrough, String(through));
        return this.#insertAll(summary({ events, through }), this.#epoch);
      }, true);
    });
    this.#compactedThrough = through;
  }

  versionOf(stream: StreamName): number {
    return this.#guard('read', () => this.#reader.versionOf(stream));
  }

  streamRows(stream: StreamName, afterVersion: number): readonly StoredRow[] {
    return this.#guard('read', () => this.#reader.streamRows(stream, afterVersion));
  }

  page(after: number, limit: number, prefixes: readonly string[]): RowPage {
    return this.#guard('read', () => this.#reader.page(after, limit, prefixes));
  }

  rows(after: number): Iterable<StoredRow> {
    return this.#reader.rows(after, () => this.#compactedThrough);
  }

  getMeta(key: string): string | undefined {
    return this.#guard('read', () => this.#getMeta.get(key) as string | undefined);
  }

  setMeta(key: string, value: string): void {
    this.#guard('write', () => {
      inTransaction(this.#connection, () => {
        if (key !== META.epoch) this.#refuseStaleEpoch();
        this.#setMeta.run(key, value);
      });
    });
    if (key !== META.epoch) return;
    this.#epoch = this.#metaNumber(META.epoch);
    this.#refuseIfOvertaken();
  }

  /** Keeps a name that may never be used again, without any event. */
  reserve(stream: StreamName, version: number): void {
    this.#guard('write', () => this.#streams.setRemoved(this.#streams.idFor(stream), version));
  }

  /** What SQLite finds wrong with the pages of the file, or undefined. Reads the whole file. */
  structuralFault(): string | undefined {
    const answer = this.#guard('check', () =>
      this.#connection.pragma('quick_check(1)', { simple: true }),
    );
    return answer === 'ok' ? undefined : String(answer);
  }

  /** See `sqlite.ts`. Errors: STORE_FAILED, STORE_CORRUPT. */
  truncateWal(): void {
    this.#guard('checkpoint', () => truncateWal(this.#connection));
  }

  close(): void {
    if (!this.#connection.open) return;
    try {
      truncateWal(this.#connection);
    } catch {
      // What was committed is safe in the write-ahead log; the next opening moves it.
    } finally {
      this.#connection.close();
    }
  }

  /** One transaction that gives the entries of what it inserted; the index follows it, not the other way round. */
  #insertDurably(work: () => readonly IndexEntry[], isSettled = this.#index.isFull): void {
    const entries = inTransaction(this.#connection, () => {
      if (isSettled) this.#index.settle();
      return work();
    });
    if (isSettled) this.#index.forget();
    this.#index.add(entries);
  }

  #insertAll(rows: readonly StoredRow[], epoch: number): readonly IndexEntry[] {
    return rows.map((row) => {
      const { position, version, type, schema, run, at, data } = row;
      const stream = this.#streams.idFor(row.stream);
      const crc = checksumOf(this.#streams.seed(stream) ?? seedOf(row.stream), row);
      this.#last = position;
      this.#insert.run(position, stream, version, type, schema, run, at, epoch, data, crc);
      return { stream, version, position };
    });
  }

  #removeStream(stream: StreamName): Removed {
    const id = this.#streams.idOf(stream);
    if (id === undefined) return { events: 0, through: 0 };
    const version = this.#reader.versionOf(stream);
    const positions = this.#removeEvents(id, version);
    this.#connection.prepare('DELETE FROM snapshots WHERE stream = ?').run(id);
    this.#index.remove(id);
    this.#streams.setRemoved(id, version);
    const through = positions.reduce((highest, position) => Math.max(highest, position), 0);
    return { events: positions.length, through };
  }

  /**
   * By the positions in the index: a search by stream reads the whole table. An opening from snapshots does not hold
   * the index of finished streams against their events, so it is not trusted here either.
   */
  #removeEvents(id: number, version: number): readonly number[] {
    const indexed = this.#connection
      .prepare(
        `DELETE FROM events WHERE position IN (SELECT value FROM json_each(?)) AND stream = ?
         RETURNING position`,
      )
      .pluck()
      .all(JSON.stringify(this.#index.positions(id, 0)), id) as number[];
    if (indexed.length === version) return indexed;
    const rest = 'DELETE FROM events WHERE stream = ? RETURNING position';
    return [...indexed, ...(this.#connection.prepare(rest).pluck().all(id) as number[])];
  }

  /** An agent that was stopped for a while and wakes up must not write beside the one that took over. */
  #refuseStaleEpoch(): void {
    const current = this.#metaNumber(META.epoch);
    if (current <= this.#epoch) return;
    throw takenOver(current, this.#epoch);
  }

  /** From now on nobody else writes; what somebody wrote since the rows were read is in no state. */
  #refuseIfOvertaken(): void {
    const newest = Number(this.#newest.get() ?? 0);
    if (newest > this.#last) throw overtaken(newest);
  }

  #metaNumber(key: string): number {
    return Number(this.getMeta(key) ?? 0);
  }

  #guard<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeError(error, `${doing} in ${this.#connection.name}`);
    }
  }
}

function storeIdOf(value: string | undefined): string {
  if (value !== undefined) return value;
  throw new HoldfastError('STORE_CORRUPT', 'the store does not know its own identity');
}
