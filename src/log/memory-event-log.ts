/** The log without a disk: for tests, and for a data directory called `:memory:`. It is gone with the process. */
import { randomBytes } from 'node:crypto';
import type { StreamName } from '../events/envelope.ts';
import type { EventLog, StoredRow } from './event-log.ts';
import { eventLogOn, type EventLogOptions } from './row-event-log.ts';
import type { Removed, RowPage, RowStore } from './row-store.ts';

export function openMemoryEventLog(options: EventLogOptions = {}): EventLog {
  return eventLogOn(new MemoryRows(), options);
}

class MemoryRows implements RowStore {
  readonly storeId = randomBytes(16).toString('hex');
  readonly head = 0;
  readonly compactedThrough = 0;
  #rows: StoredRow[] = [];
  readonly #byStream = new Map<StreamName, StoredRow[]>();
  /** Version at which a stream was removed. */
  readonly #removed = new Map<StreamName, number>();
  readonly #meta = new Map<string, string>();
  #removedThrough = 0;

  write(rows: readonly StoredRow[]): void {
    for (const row of rows) {
      this.#rows.push(row);
      const ofStream = this.#byStream.get(row.stream);
      if (ofStream === undefined) this.#byStream.set(row.stream, [row]);
      else ofStream.push(row);
    }
  }

  remove(
    streams: readonly StreamName[],
    summary: (removed: Removed) => readonly StoredRow[],
  ): void {
    const doomed = new Set(streams);
    const gone = this.#rows.filter((row) => doomed.has(row.stream));
    this.#removedThrough = Math.max(this.#removedThrough, gone.at(-1)?.position ?? 0);
    for (const stream of doomed) {
      this.#removed.set(stream, this.versionOf(stream));
      this.#byStream.delete(stream);
    }
    this.#rows = this.#rows.filter((row) => !doomed.has(row.stream));
    this.write(summary({ events: gone.length, through: this.#removedThrough }));
  }

  versionOf(stream: StreamName): number {
    return this.#byStream.get(stream)?.at(-1)?.version ?? this.#removed.get(stream) ?? 0;
  }

  streamRows(stream: StreamName, afterVersion: number): readonly StoredRow[] {
    return (this.#byStream.get(stream) ?? []).filter((row) => row.version > afterVersion);
  }

  page(after: number, limit: number): RowPage {
    const start = this.#indexAfter(after);
    const found = this.#rows.slice(start, start + limit);
    return {
      rows: found,
      next: found.length < limit ? undefined : found.at(-1)?.position,
    };
  }

  *rows(after: number): Generator<StoredRow> {
    for (let index = this.#indexAfter(after); index < this.#rows.length; index += 1) {
      yield this.#rows[index] as StoredRow;
    }
  }

  getMeta(key: string): string | undefined {
    return this.#meta.get(key);
  }

  setMeta(key: string, value: string): void {
    this.#meta.set(key, value);
  }

  close(): void {
    this.#rows = [];
    this.#byStream.clear();
  }

  /** Positions rise, but after a compaction they have holes: found by halving. */
  #indexAfter(position: number): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as StoredRow).position <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
